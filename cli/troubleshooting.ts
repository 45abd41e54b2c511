import { reasons, type ReasonEntry } from "../operator/reasons.ts";

const head = `<!-- Generated from operator/reasons.ts by \`npm run generate\`; changes made here are lost. -->

# Troubleshooting: every reason

A RelayTenant or SendingDomain that cannot go on says why in its conditions: \`Stalled\` waits for somebody to change something, \`Reconciling\` goes on by itself when what it waits for happens.
The \`reason\` of the condition is one of those below. \`posthouse doctor\` checks the machine and the fleet file, \`posthouse validate\` the manifests, [the guide on deletions](deletions.md) tells what goes when.

On a folder of YAML, \`posthouse dns DOMAIN\` shows the conditions of a domain and \`data/status/NAMESPACE/KIND/NAME.yaml\` those of any object; the commands here are those of a Kubernetes cluster.`;

/** The guide to every reason for Stalled and Waiting, as Markdown. */
export function troubleshootingGuide(): string {
  const entries = Object.entries<ReasonEntry>(reasons).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const section = (kind: ReasonEntry["kind"], title: string): readonly string[] => [
    `## ${title}`,
    ...entries.filter(([, entry]) => entry.kind === kind).map(reasonSection),
  ];
  return `${[head, ...section("Stalled", "Stalled: somebody must act"), ...section("Waiting", "Waiting: something else must happen first")].join("\n\n")}\n`;
}

function reasonSection([reason, { means, remedy, command }]: readonly [string, ReasonEntry]): string {
  return `### ${reason}\n\n${means}\n\n${remedy}\n\n\`\`\`console\n$ ${command}\n\`\`\``;
}
