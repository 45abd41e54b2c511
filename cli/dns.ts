import type { CustomObject } from "../cluster/object.ts";
import type { RecordStatus, SendingDomainSpec, SendingDomainStatus } from "../crds/sending-domain.ts";
import { domainSpec, domainStatusOf } from "../operator/custom-objects.ts";
import { formats, type FormatName } from "../operator/hand-over/formats.ts";
import { explanationLines } from "../operator/hand-over/text.ts";
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

/**
 * True when every record that must be there is: DKIM of each key that signs or will or just did, SPF and DMARC, and none
 * stands at a revoked selector that does not say so. Where reports go is another domain's matter, and the record of a
 * Retired key may go.
 */
function complete({ spec, status }: Claim): boolean {
  const spent = (status.dkim?.keys ?? []).filter(({ state }) => state === "Retired");
  const optional = new Set(spent.map(({ selector }) => `${selector}._domainkey.${spec.domain}`));
  const records = (status.records ?? []).filter(
    ({ purpose, fqdn }) => purpose !== "DMARCReport" && !optional.has(fqdn),
  );
  const hasKey = records.some((record) => record.purpose === "DKIM");
  return hasKey && records.every((record) => record.verdict === "Valid");
}

const widestVerdict = "NeedsMerge".length;

function recordLines(record: RecordStatus, terminal: Terminal): readonly string[] {
  const paint = palette(terminal);
  const verdict = record.verdict === "Valid" ? paint.green("Valid") : paint.red(record.verdict);
  const gap = " ".repeat(widestVerdict - record.verdict.length);
  const head = `${paint.bold(record.purpose.padEnd(5))}  ${verdict}${gap}  ${record.fqdn}`;
  return record.verdict === "Valid" ? [head] : [head, ...explanationLines(record)];
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

function handOverOf({ spec, status }: Claim): { readonly domain: string; readonly records: readonly RecordStatus[] } {
  return { domain: spec.domain, records: status.records ?? [] };
}

/** Whether a claim says that it holds its domain. */
export function holds({ conditions = [] }: Pick<SendingDomainStatus, "conditions">): boolean {
  return conditions.some(({ type, status }) => type === "OwnershipProven" && status === "True");
}

/** The claim whose records are to be published: the holder's, else the first, which is said. */
function chosen(claims: readonly [Claim, ...Claim[]], terminal: Terminal): Claim {
  const [first, ...others] = claims;
  const holder = claims.find(({ status }) => holds(status));
  const claim = holder ?? first;
  if (others.length > 0)
    terminal.err(
      `${claims.length} SendingDomains claim the domain; these records are of ${claim.namespace}/${claim.name}`,
    );
  return claim;
}

function print(claims: readonly [Claim, ...Claim[]], format: FormatName, terminal: Terminal): void {
  if (format === "text") terminal.out(claims.map((claim) => claimLines(claim, terminal).join("\n")).join("\n\n"));
  else if (format === "json") {
    const parsed = claims.map((claim) => {
      const handOver: unknown = JSON.parse(formats.json.write(handOverOf(claim)));
      return { ...claim, handOver };
    });
    terminal.out(JSON.stringify(parsed, undefined, 2));
  } else terminal.out(formats[format].write(handOverOf(chosen(claims, terminal))).trimEnd());
}

/**
 * `posthouse dns DOMAIN`: the records to publish and what DNS showed at the last check, in one of several formats.
 * Exit code 1 while a required record is not Valid, or when no SendingDomain claims the domain.
 */
export async function showDns(
  domain: string,
  options: { readonly state: string; readonly format: FormatName },
  terminal: Terminal,
): Promise<number> {
  const wanted = domain.toLowerCase().replace(/\.$/, "");
  const state = await openState(options.state);
  const [first, ...others] = state
    .list("SendingDomain")
    .map(claimOf)
    .filter((claim) => claim.spec.domain === wanted);
  if (first === undefined) {
    if (terminal.json) terminal.out("[]");
    terminal.err(
      `no SendingDomain in ${options.state} claims ${wanted}; is \`posthouse up\` running with this --state?`,
    );
    return exitCode.failed;
  }
  print([first, ...others], options.format, terminal);
  return [first, ...others].some(complete) ? exitCode.ok : exitCode.failed;
}
