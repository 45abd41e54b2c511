import type { ValuesSchema } from "./json-schema.ts";

const head = `<!-- Generated from charts/values.ts by \`npm run generate\`; changes made here are lost. -->

# The Posthouse chart

Installs the operator and the relay of Posthouse, their CustomResourceDefinitions and permissions.

\`\`\`console
$ helm install posthouse charts/posthouse --namespace posthouse-system --create-namespace \\
    --set image.repository=registry.example.net/posthouse
\`\`\`

No registry has an image of Posthouse by default: [build it and push it](../../README.md#on-kubernetes) to one of yours, and name that. Without further values there is one relay pod with a volume. The guides tell the rest: [install](../../docs/guides/install.md), [upgrade](../../docs/guides/upgrade.md),
[permissions and security](../../docs/guides/rbac.md), [GitOps](../../docs/guides/gitops.md), [backup](../../docs/guides/backup.md). The fields of \`fleet\` are those of
[the fleet file](../../docs/reference/fleet.md).

## Values

| value | default | description |
| --- | --- | --- |
`;

/** The README of the chart. */
export function chartReadme(schema: ValuesSchema): string {
  return `${head}${rows(schema, "").join("\n")}\n`;
}

function rows(schema: ValuesSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = `${path}${name}`;
    if (field.default === undefined && field.properties !== undefined) return rows(field, `${at}.`);
    const words = field.enum === undefined ? "" : ` One of ${field.enum.join(", ")}.`;
    return [`| \`${at}\` | ${shown(field.default)} | ${cell(`${field.description ?? ""}${words}`)} |`];
  });
}

function shown(value: unknown): string {
  return value === undefined ? "" : `\`${cell(JSON.stringify(value))}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
