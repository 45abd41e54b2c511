import type { RecordStatus } from "../../crds/sending-domain.ts";
import {
  commentText,
  escapeName,
  escapeOctets,
  foreignRecords,
  handOverTtl,
  octetsOf,
  ownRecordSets,
  stringsOf,
  titleOf,
  type HandOver,
} from "./record-text.ts";

/** A TXT value as a zone file wants it: character strings of at most 255 octets, quoted and escaped. */
export function zoneStrings(value: string): string {
  return stringsOf(octetsOf(value))
    .map((part) => `"${escapeOctets(part)}"`)
    .join(" ");
}

/** One record as a line of a zone file, with an absolute name (RFC 1035 §5.1). */
export function zoneLine({ fqdn, type, value }: Pick<RecordStatus, "fqdn" | "type" | "value">): string {
  return `${escapeName(fqdn)}. ${handOverTtl} IN ${type} ${zoneStrings(value)}`;
}

/**
 * The records as a BIND zone file to `$INCLUDE`. Records of other domains stand in comments, since a server refuses what
 * lies outside its zone.
 */
export function zoneFile(handOver: HandOver): string {
  const own = ownRecordSets(handOver).flat();
  const lines = [
    `; DNS records of ${commentText(handOver.domain)}, written by Posthouse.`,
    "; An SPF line replaces the SPF record that stands there; other TXT records of that name stay.",
    ...own.flatMap((record) => ["", `; ${titleOf(record)}`, zoneLine(record)]),
    ...foreignRecords(handOver).flatMap((record) => [
      "",
      `; ${titleOf(record)}`,
      `; To be published by ${commentText(record.publishIn ?? "")}, in its own zone:`,
      `; ${zoneLine(record)}`,
    ]),
  ];
  return `${lines.join("\n")}\n`;
}
