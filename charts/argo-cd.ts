const head = `# Generated from charts/gitops/health.lua by \`npm run generate\`; changes made here are lost.
# To be merged into Argo CD's ConfigMap: kubectl -n argocd patch configmap argocd-cm --patch-file argo-cd.yaml
data:
`;

/** A patch of Argo CD's settings that has it judge the health of these kinds by a script. */
export function argoCdPatch(script: string, kinds: readonly string[]): string {
  const indented = script.replaceAll(/^(?=.)/gm, "    ");
  return head + kinds.map((kind) => `  resource.customizations.health.posthouse.dev_${kind}: |\n${indented}`).join("");
}
