import type { CustomObject } from "../cluster/object.ts";
import type { RecordStatus, SendingDomainSpec, SendingDomainStatus } from "../crds/sending-domain.ts";
import { domainSpec, domainStatusOf } from "../operator/custom-objects.ts";
import { splitTxt } from "../operator/sending-domain/verdict.ts";
import { openState } from "./state.ts";
import { exitCode, palette, table, type Terminal } from "./terminal.ts";

/** A claim as the report shows it. */
interface Claim {
  readonly namespace: string;
  readonly name: string;
  readonly spec: SendingDomainSpec;
  readonly status: SendingDomainStatus;
}

function claimOf(object: CustomObject<"SendingDomain">): Claim {
  const { namespace, name } = object.metadata;
  const status = domainStatusOf(object) ?? { observedGeneration: -1 };
  return { namespace, name, spec: domainSpec(object), status };
}

/** True when every record that must be there is: DKIM of each Pending and Active key, SPF and DMARC. */
function complete(claim: Claim): boolean {
  const records = claim.status.records ?? [];
  const hasKey = records.some((record) => record.purpose === "DKIM");
  return hasKey && records.every((record) => record.verdict === "Valid");
}

/** A TXT value as a zone file wants it: strings of at most 255 octets, quoted. */
export function zoneStrings(value: string): string {
  return splitTxt(value)
    .map((part) => `"${part.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`)
    .join(" ");
}

const widestVerdict = "NeedsMerge".length;

function recordLines(record: RecordStatus, terminal: Terminal): readonly string[] {
  const paint = palette(terminal);
  const verdict = record.verdict === "Valid" ? paint.green("Valid") : paint.red(record.verdict);
  const gap = " ".repeat(widestVerdict - record.verdict.length);
  const head = `${paint.bold(record.purpose.padEnd(5))}  ${verdict}${gap}  ${record.fqdn}`;
  if (record.verdict === "Valid") return [head];
  const rows = [["    publish", `${record.name}  ${record.type}  ${zoneStrings(record.value)}`]];
  if (record.observed !== undefined) rows.push(["    found", record.observed]);
  return [head, ...table(rows)];
}

function claimLines(claim: Claim, terminal: Terminal): readonly string[] {
  const paint = palette(terminal);
  const { namespace, name, spec, status } = claim;
  const conditions = (status.conditions ?? []).map(({ type, status: value, reason, message }) => [
    `  ${type}`,
    value,
    reason,
    message,
  ]);
  const keys = (status.dkim?.keys ?? []).map((key) => [`  ${key.selector}`, key.algorithm, key.state]);
  return [
    `${paint.bold(spec.domain)}  SendingDomain ${namespace}/${name}, tenant ${spec.tenantRef.name}`,
    "",
    ...(status.records ?? []).flatMap((record) => recordLines(record, terminal)),
    "",
    "keys",
    ...table(keys),
    "",
    "conditions",
    ...table(conditions),
  ];
}

/**
 * `posthouse dns DOMAIN`: the records to publish and what DNS showed at the last check.
 * Exit code 1 while a required record is not Valid, or when no SendingDomain claims the domain.
 */
export async function showDns(
  domain: string,
  options: { readonly state: string },
  terminal: Terminal,
): Promise<number> {
  const wanted = domain.toLowerCase().replace(/\.$/, "");
  const state = await openState(options.state);
  const claims = state
    .list("SendingDomain")
    .map(claimOf)
    .filter((claim) => claim.spec.domain === wanted);
  if (claims.length === 0) {
    if (terminal.json) terminal.out("[]");
    terminal.err(
      `no SendingDomain in ${options.state} claims ${wanted}; is \`posthouse up\` running with this --state?`,
    );
    return exitCode.failed;
  }
  if (terminal.json) terminal.out(JSON.stringify(claims, undefined, 2));
  else terminal.out(claims.map((claim) => claimLines(claim, terminal).join("\n")).join("\n\n"));
  return claims.some(complete) ? exitCode.ok : exitCode.failed;
}
