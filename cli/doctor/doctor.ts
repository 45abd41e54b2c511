import { performance } from "node:perf_hooks";
import { lockFile } from "../../cluster/folder/state-layout.ts";
import { systemClock, type Clock } from "../../runtime/clock.ts";
import { parseDuration } from "../../runtime/duration.ts";
import { holderOf } from "../../runtime/lock-file.ts";
import { authoritativeOf, resolverOf } from "../fleet-resources.ts";
import { loadFleet } from "../load-fleet.ts";
import type { Fleet } from "../fleet.ts";
import { exitCode, palette, table, UserError, type Terminal } from "../terminal.ts";
import { checkCertificate } from "./certificate.ts";
import { bad, good, type Finding } from "./finding.ts";
import { checkClock, checkState } from "./machine.ts";
import { checkAuthoritative, checkMail, checkResolvers } from "./network.ts";
import { checkPorts } from "./ports.ts";
import { checkStore } from "./store.ts";

export interface DoctorOptions {
  readonly fleet?: string;
  readonly state: string;
  /** Hosts that take mail, `host` or `host:port`. */
  readonly probe: readonly string[];
}

/** `posthouse doctor`: checks what `posthouse up` needs. Exit code 1 when a check fails; each failure says what to do. */
export async function doctor(options: DoctorOptions, terminal: Terminal): Promise<number> {
  const findings = await examine(options, systemClock);
  if (terminal.json) terminal.out(JSON.stringify({ findings }, undefined, 2));
  else for (const line of report(findings, terminal)) terminal.out(line);
  return findings.some(({ verdict }) => verdict === "Bad") ? exitCode.failed : exitCode.ok;
}

/** All checks. Those that need the fleet file are left out when that is wrong. */
export async function examine({ fleet: path, state, probe }: DoctorOptions, clock: Clock): Promise<readonly Finding[]> {
  const machine = [checkClock(state, clock.now()), checkState(state, () => performance.now())];
  const fleet = await loadFleet(path).catch((error: unknown) => {
    if (error instanceof UserError) return bad("fleet file", error.message, "correct it; posthouse up would not start");
    throw error;
  });
  const rest = "verdict" in fleet ? [] : await Promise.all(withFleet(fleet, { state, probe }, clock));
  const first = "verdict" in fleet ? fleet : good("fleet file", path ?? "none given: every field has its default");
  return [first, ...rest.flat(), ...(await Promise.all(machine)).flat()];
}

function withFleet(
  fleet: Fleet,
  { state, probe }: Pick<DoctorOptions, "state" | "probe">,
  clock: Clock,
): readonly Promise<Finding | readonly Finding[]>[] {
  const ports = async (): Promise<readonly Finding[]> => checkPorts(fleet, await holderOf(lockFile(state)));
  const authoritative = async (): Promise<Finding | readonly Finding[]> => {
    try {
      return await checkAuthoritative(fleet, authoritativeOf(fleet, resolverOf(fleet)));
    } catch (error) {
      // Without a resolver there is nobody to find name servers with; the check of resolvers says so.
      if (error instanceof UserError) return [];
      throw error;
    }
  };
  return [
    checkCertificate(fleet, clock.now()),
    ports(),
    checkResolvers(fleet, clock),
    authoritative(),
    checkStore(fleet, state),
    checkMail(probe, clock, parseDuration(fleet.dns.timeout)),
  ];
}

const marks = { Good: "ok", Warning: "warn", Bad: "FAIL", Skipped: "skip" } as const;

function report(findings: readonly Finding[], terminal: Terminal): readonly string[] {
  const { green, yellow, red, dim } = palette(terminal);
  const paint = { Good: green, Warning: yellow, Bad: red, Skipped: dim };
  const rows = findings.flatMap(({ check, verdict, found, remedy }) => {
    const [first = "", ...more] = found.split("\n");
    const rest = [...more, ...(remedy === undefined ? [] : [`-> ${remedy}`])];
    return [[paint[verdict](marks[verdict]), check, first], ...rest.map((line) => ["", "", line])];
  });
  const failed = findings.filter(({ verdict }) => verdict === "Bad").length;
  const summary = failed === 0 ? green("nothing is wrong") : red(`${failed} of ${findings.length} checks failed`);
  return [...table(rows), summary];
}
