import type { RecordStatus } from "../../crds/sending-domain.ts";
import {
  commentText,
  escapeOctets,
  foreignRecords,
  handOverTtl,
  octetsOf,
  ownRecordSets,
  titleOf,
  type HandOver,
} from "./record-text.ts";
import { zoneLine } from "./zone-file.ts";

const shortEscapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "\\": "\\\\",
};

/** A string of HCL in quotes, in which nothing is a template; control characters are escaped. */
export function hclString(text: string): string {
  // Nearly all there is needs no look for what is to be escaped.
  if (/^[ !#-[\]-z|}~]*$/.test(text)) return `"${text}"`;
  const escaped = text
    .replaceAll(/["\\\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => shortEscapes[character] ?? unicodeEscape(character))
    // A lone surrogate is no character, and no escape can make it one.
    .replaceAll(/\p{Cs}/gu, "\uFFFD")
    // Doubling is HCL's way to write a `${` that is none, but a longer run of such signs it reads as it stands.
    .replaceAll(/[$%]+(?=\{)/g, (signs) =>
      signs.length === 1 ? `${signs}${signs}` : signs.split("").map(unicodeEscape).join(""),
    );
  return `"${escaped}"`;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * The records in Terraform's language, as resources of the provider hashicorp/dns: it speaks DNS UPDATE (RFC 2136), so it
 * is bound to no vendor. A value stands there as between the quotes of a zone file, and whole: the provider splits it.
 */
export function terraform(handOver: HandOver): string {
  const lines = [
    `# DNS records of ${commentText(handOver.domain)}, written by Posthouse.`,
    "# dns_txt_record_set is of the provider hashicorp/dns (DNS UPDATE, RFC 2136). It owns all TXT records of a name:",
    "# add to txt what else stands there. Is the domain no zone of its own, then set zone and name to match the zone.",
    ...ownRecordSets(handOver).flatMap((set) => resource(handOver.domain, set)),
    ...foreignRecords(handOver).flatMap((record) => [
      "",
      `# ${titleOf(record)}`,
      `# To be published by ${commentText(record.publishIn ?? "")}, in its own zone:`,
      `# ${zoneLine(record)}`,
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function resource(domain: string, set: readonly [RecordStatus, ...RecordStatus[]]): readonly string[] {
  const [{ fqdn, name }] = set;
  return [
    "",
    ...set.map((record) => `# ${titleOf(record)}`),
    `resource "dns_txt_record_set" ${hclString(resourceName(fqdn))} {`,
    `  zone = ${hclString(`${domain}.`)}`,
    ...(name === "@" ? [] : [`  name = ${hclString(name)}`]),
    `  txt = [`,
    ...set.map(({ value }) => `    ${hclString(escapeOctets(octetsOf(value)))},`),
    "  ]",
    `  ttl = ${handOverTtl}`,
    "}",
  ];
}

/** The name of a resource: a dot becomes `_`, an underscore `-u`, a hyphen `--`, so that no two names become one. */
export function resourceName(fqdn: string): string {
  const name = fqdn.replaceAll(/[^A-Za-z0-9]/gu, (character) => {
    const plain = { ".": "_", _: "-u", "-": "--" }[character];
    return plain ?? `-x${character.codePointAt(0)?.toString(16) ?? ""}-`;
  });
  return `posthouse_${name}`;
}
