import { stringify } from "yaml";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import { commentText, foreignRecords, handOverTtl, ownRecordSets, titleOf, type HandOver } from "./record-text.ts";
import { zoneLine } from "./zone-file.ts";

/**
 * The records as the YAML of octoDNS's YamlProvider: a map by name, "" for the domain itself. It wants each `;` of a TXT
 * value behind a backslash, and splits long values itself.
 */
export function octodns(handOver: HandOver): string {
  const sets = ownRecordSets(handOver).map(([first, ...rest]) => [
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
  return `${lines.join("\n")}\n---\n${stringify(Object.fromEntries(sets), { lineWidth: 0 })}`;
}

function octodnsValue({ value }: RecordStatus): string {
  return value.replaceAll(";", "\\;");
}
