import { isDomainName } from "../net/domain-name.ts";
import type { Answer, RecordType, Resolver } from "../net/resolver.ts";
import { judgeFleet, type FleetFinding, type FleetLookUp, type FleetNames } from "../operator/fleet-dns.ts";
import { resolverOf } from "./fleet-resources.ts";
import { loadFleet } from "./load-fleet.ts";
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

/**
 * `posthouse dns --fleet [FILE]`: whether the fleet's own names and addresses are right in live DNS. Exit code 1 while
 * something is wrong or could not be asked.
 */
export async function showFleetDns(file: string | undefined, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(file);
  const names = { hostname: fleet.hostname, include: fleet.spf.include ?? `_spf.${fleet.hostname}` };
  const findings = await checkFleetDns(names, resolverOf(fleet));
  const paint = palette(terminal);
  if (terminal.json) terminal.out(JSON.stringify({ ...names, findings }, undefined, 2));
  else
    for (const line of table(
      findings.map(({ subject, verdict, explanation }) => [
        verdict === "Valid" ? paint.green(verdict) : paint.red(verdict),
        subject,
        explanation,
      ]),
    ))
      terminal.out(line);
  return findings.every(({ verdict }) => verdict === "Valid") ? exitCode.ok : exitCode.failed;
}
