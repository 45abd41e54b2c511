import { isDomainName } from "../net/domain-name.ts";
import type { Answer, RecordType, Resolver } from "../net/resolver.ts";
import type { SharedDomain } from "../operator/config.ts";
import { holds } from "./dns.ts";
import { domainSpec, domainStatusOf } from "../operator/custom-objects.ts";
import { judgeFleet, type FleetNames } from "../operator/fleet-dns.ts";
import type { FleetFinding, FleetLookUp } from "../operator/fleet-finding.ts";
import type { SharedClaim } from "../operator/fleet-shared-domain.ts";
import { resolverOf } from "./fleet-resources.ts";
import { loadFleet } from "./load-fleet.ts";
import { openState } from "./state.ts";
import { exitCode, palette, table, type Terminal } from "./terminal.ts";

/** Questions at most, whatever the fleet's records say. */
const mostQuestions = 500;

/** Asks what the judge wants to know, round by round, until it wants no more. */
export async function checkFleetDns(names: FleetNames, resolver: Resolver): Promise<readonly FleetFinding[]> {
  const known = new Map<string, Answer>();
  for (;;) {
    const wanted = new Map<string, readonly [string, RecordType]>();
    const look = (name: string, type: RecordType): Answer | undefined => {
      const key = `${type} ${name}`;
      if (!known.has(key) && isDomainName(name)) wanted.set(key, [name, type]);
      return known.get(key);
    };
    // An answer is kept under the type that it was asked with.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const findings = judgeFleet(names, look as FleetLookUp);
    if (wanted.size === 0 || known.size + wanted.size > mostQuestions) return findings;
    await Promise.all(
      Array.from(wanted, async ([key, [name, type]]) => known.set(key, await resolver.resolve(name, type))),
    );
  }
}

/** The shared domain with the claim of it that counts, as far as the state folder tells. */
async function sharedClaim(shared: SharedDomain, state: string): Promise<SharedClaim> {
  const objects = await openState(state).catch(() => undefined);
  if (objects === undefined) return { ...shared, claim: "Unseen" };
  const claims = objects
    .list("SendingDomain")
    .filter(({ metadata }) => metadata.namespace === shared.namespace)
    .map((object) => ({ spec: domainSpec(object), status: domainStatusOf(object) ?? {} }))
    .filter(({ spec }) => spec.domain === shared.domain);
  return { ...shared, claim: claims.find(({ status }) => holds(status)) ?? claims[0] ?? "None" };
}

/**
 * `posthouse dns --fleet [FILE]`: whether the fleet's own names and addresses are right in live DNS, and its shared
 * domain, whose keys the state folder knows. Exit code 1 while something is wrong or could not be asked.
 */
export async function showFleetDns(
  { file, state }: { readonly file: string | undefined; readonly state: string },
  terminal: Terminal,
): Promise<number> {
  const { hostname, spf, sharedDomain, ...rest } = await loadFleet(file);
  const names = { hostname, include: spf.include ?? `_spf.${hostname}` };
  const shared = sharedDomain && { shared: await sharedClaim(sharedDomain, state) };
  const findings = await checkFleetDns({ ...names, ...shared }, resolverOf(rest));
  if (terminal.json) terminal.out(JSON.stringify({ ...names, findings }, undefined, 2));
  else for (const line of findingLines(findings, terminal)) terminal.out(line);
  return findings.every(({ verdict }) => verdict === "Valid") ? exitCode.ok : exitCode.failed;
}

function findingLines(findings: readonly FleetFinding[], terminal: Terminal): readonly string[] {
  const paint = palette(terminal);
  return table(
    findings.map(({ subject, verdict, explanation }) => [
      verdict === "Valid" ? paint.green(verdict) : paint.red(verdict),
      subject,
      explanation,
    ]),
  );
}
