const metadata = `metadata:
  {{- $policy := ternary (dict "helm.sh/resource-policy" "keep") dict (not (not .Values.crds.keep)) }}
  {{- include "posthouse.metadata" (dict "ctx" . "name" "NAME" "component" "crds" "annotations" (merge $policy (default dict .Values.crds.annotations))) | nindent 2 }}
`;

/**
 * A CRD as a template of the chart: Helm upgrades what is in templates/, and the policy keeps it when the release goes. Throws if the CRD
 * holds what a template would render, or does not begin as it should.
 */
export function crdTemplate(crd: string): string {
  if (crd.includes("{{")) throw new Error("the CRD holds {{, which Helm would take for a template");
  const body = crd.replace(/^metadata:\n {2}name: (\S+)\n/m, (_, name: string) => metadata.replace("NAME", name));
  if (body === crd) throw new Error("the CRD has metadata of another form");
  return `{{- if .Values.crds.enabled }}\n${body}{{- end }}\n`;
}
