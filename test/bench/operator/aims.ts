import type { Aim } from "../aims.ts";
import type { OperatorReport } from "./report.ts";

/** cert-manager 1.21 with 10,000 RSA-2048 Certificates on two cores, measured the same way. */
export const certManager = {
  readyRatio: 3,
  idleRatio: 3.4,
  peakRss: 968 * 2 ** 20,
  writes: 23,
  eventWrites: 9,
  restWrites: 0,
  restartSeconds: 25,
  restartWrites: 0,
  editP50: 150,
  editP99: 240,
} as const;

const megabyte = 1e6;

/** The aims with 10,000 domains of 1,000 tenants on two cores that API server, operator, DNS and bench share. */
export function aimsOf({
  keys,
  published,
  rest,
  restart,
  edits,
  relay,
  rawAfter,
  rawBefore,
}: OperatorReport): readonly Aim[] {
  const raw = (rawBefore + rawAfter) / 2;
  return [
    most("keys made, and idle, in times of the raw keys", (keys.idleSeconds * raw) / keys.made, 1.6, "x"),
    most(
      "the operator's peak memory",
      Math.max(keys.peakRss, published.peakRss, edits.peakRss, restart.peakRss, rest.peakRss) / megabyte,
      400,
      " MB",
    ),
    most("writes for a domain, Events too, until it is Ready", keys.writes, 6, ""),
    most("writes for a domain, Events too, until it has its contract", keys.writes + published.writes, 6, ""),
    most("writes at rest", rest.writes, 0, ""),
    most(`processor at rest, ${rest.checks.toFixed(1)} domains checked a second`, rest.processor * 100, 2, " %"),
    most("restart until all was looked at", restart.settledSeconds, 15, " s"),
    most("writes of a restart", restart.writes, 0, ""),
    most("an edit in its contract, p99", edits.p99, 200, " ms"),
    most("a relay's start", relay.readySeconds, 15, " s"),
    most("a relay's peak memory", relay.peakRss / megabyte, 350, " MB"),
  ];
}

function most(name: string, value: number, aim: number, unit: string): Aim {
  return { name, value, aim, unit, kind: "Most" };
}
