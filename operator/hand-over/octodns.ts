import { stringify } from "yaml";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import { commentText, foreignRecords, handOverTtl, ownRecordSets, titleOf, type HandOver } from "./record-text.ts";
import { zoneLine } from "./zone-file.ts";

/**
 * The records as the YAML of octoDNS's YamlProvider: a map by name, "" for the domain itself. It wants each `;` of a TXT
 * value behind a backslash, and splits long values itself.
 */
export function octodns(handOver: HandOver): string {
  const sets = ownRecordSets(handOver).map(([first, ...rest]): RecordSet => [
    first.name === "@" ? "" : first.name,
    { type: first.type, ttl: handOverTtl, values: [first, ...rest].map(octodnsValue) },
  ]);
  const lines = [
    `# DNS records of ${commentText(handOver.domain)}, written by Posthouse, for octoDNS's YamlProvider.`,
    "# octoDNS owns all TXT records of a name: add to values what else stands there.",
    ...handOver.records
      .filter(({ publishIn }) => publishIn === undefined)
      .map((record) => `# ${commentText(record.fqdn)}: ${titleOf(record)}`),
    ...foreignRecords(handOver).flatMap((record) => [
      `# To be published by ${commentText(record.publishIn ?? "")}, in its own zone (${titleOf(record)})`,
      `#   ${zoneLine(record)}`,
    ]),
  ];
  return `${lines.join("\n")}\n---\n${yamlOf(sets)}`;
}

type RecordSet = readonly [string, { readonly type: string; readonly ttl: number; readonly values: readonly string[] }];

/** Text that YAML takes for itself without quotes: no indicator before it or in it, and no number or word of YAML's. */
const plain = /^(?=[a-z0-9-]*[_.=])[a-z_](?:[!-9;-~]|:(?=[!-~])| (?=[!"$-~]))*$/;

/**
 * Record sets as YAML. It is written for every domain whenever a verdict changes, and the library takes ten times as
 * long: it is left what is out of the ordinary.
 */
function yamlOf(sets: readonly RecordSet[]): string {
  const isOrdinary = sets.length > 0 && sets.every(([name, { values }]) => [name || "_", ...values].every(isPlain));
  if (!isOrdinary) return stringify(Object.fromEntries(sets), { lineWidth: 0 });
  const lines = sets.flatMap(([name, { type, ttl, values }]) => [
    `${name || '""'}:`,
    `  type: ${type}`,
    `  ttl: ${ttl}`,
    "  values:",
    ...values.map((value) => `    - ${value}`),
  ]);
  return `${lines.join("\n")}\n`;
}

function isPlain(text: string): boolean {
  return plain.test(text);
}

function octodnsValue({ value }: RecordStatus): string {
  return value.replaceAll(";", "\\;");
}
