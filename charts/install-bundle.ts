const head = `# Generated from charts/posthouse by \`npm run generate\`; changes made here are lost.
# Everything that the chart makes without values: kubectl apply --server-side -f install.yaml
# The image is posthouse:<version>; name the one of your registry, with kustomize or sed.
# Never kubectl delete -f install.yaml: every key, tenant and mail goes too. docs/guides/install.md tells what to delete instead.
apiVersion: v1
kind: Namespace
metadata:
  name: posthouse-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;

/** A rendering of the chart as a bundle for kubectl: its namespace first, and no mark of Helm in it. */
export function plainBundle(rendered: string): string {
  const plain = rendered
    .split("\n")
    .filter((line) => !/^\s+(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): /.test(line))
    .filter((line) => !line.startsWith("# Source: "))
    .join("\n");
  return `${head}${plain}`;
}
