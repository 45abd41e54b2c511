import type { RecordStatus } from "../../crds/sending-domain.ts";
import { commentText, type HandOver } from "./record-text.ts";
import { zoneStrings } from "./zone-file.ts";

/** The records for people: what is right by a line, what is wrong with what stands there, why, and the line to publish. */
export function text(handOver: HandOver): string {
  const head = `DNS records of ${commentText(handOver.domain)}`;
  return `${[head, ...handOver.records.map((record) => recordText(record).join("\n"))].join("\n\n")}\n`;
}

/** One record, in lines. */
export function recordText(record: RecordStatus): readonly string[] {
  const { purpose, verdict, fqdn } = record;
  return [`${purpose.padEnd(5)}  ${verdict}  ${commentText(fqdn)}`, ...explanationLines(record)];
}

/** What is said below a record that is not Valid; of a Valid one only its value. */
export function explanationLines(record: RecordStatus): readonly string[] {
  const { verdict, observed, explanation, publishIn, type, name, value } = record;
  const place = publishIn === undefined ? "" : `  in the zone of ${commentText(publishIn)}`;
  const line = `${commentText(name)}  ${type}  ${zoneStrings(value)}${place}`;
  if (verdict === "Valid") return [`    stands   ${line}`];
  return [
    ...(observed === undefined ? [] : [`    found    ${commentText(observed)}`]),
    ...(explanation === undefined ? [] : [`    why      ${commentText(explanation)}`]),
    `    publish  ${line}`,
  ];
}
