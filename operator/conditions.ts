import type { Condition } from "../crds/dialect.ts";
import type { Note } from "./plan.ts";
import type { Problem } from "./reasons.ts";
import { timestamp } from "./timestamp.ts";

/** A condition type of a kind. All are positive: True is good. */
export interface ConditionType {
  readonly type: string;
  /** What True means. */
  readonly means: string;
  /** Whether `Ready` needs it: what Posthouse itself must do, never what a user must do in a DNS zone. */
  readonly neededForReady: boolean;
}

/** What is known of one condition. */
export interface Finding {
  readonly status: Condition["status"];
  readonly reason: string;
  readonly message: string;
}

export interface Summary {
  readonly table: readonly ConditionType[];
  /** By condition type; one that is missing is Unknown. */
  readonly findings: Readonly<Record<string, Finding>>;
  readonly problems: readonly Problem[];
  readonly generation: number;
  /** The conditions that stand now, for the times at which they changed. */
  readonly previous: readonly Condition[];
}

/**
 * All conditions of an object, in the order of the table, after kstatus: `Ready` first, `Reconciling` and `Stalled` last
 * and only when True. Nothing else sets these three.
 */
export function summarise(summary: Summary, now: number): Condition[] {
  const findings = summary.table.map(({ type }) => [type, summary.findings[type] ?? unknown] as const);
  const stalled = summary.problems.find(({ kind }) => kind === "Stalled");
  const waiting = summary.problems.find(({ kind }) => kind === "Waiting");
  const behind = summary.table.find(
    ({ type, neededForReady }) => neededForReady && summary.findings[type]?.status !== "True",
  );
  const obstacle: Omit<Finding, "status"> | undefined =
    stalled ?? waiting ?? (behind && (summary.findings[behind.type] ?? unknown));
  const ready: Finding = obstacle
    ? { status: "False", reason: obstacle.reason, message: obstacle.message }
    : { status: "True", reason: "Reconciled", message: "Everything that Posthouse must do is done." };
  const extra: (readonly [string, Finding])[] = [];
  if (obstacle && !stalled) extra.push(["Reconciling", { ...ready, status: "True" }]);
  if (stalled) extra.push(["Stalled", { ...ready, status: "True" }]);
  return [["Ready", ready] as const, ...findings, ...extra].map(([type, finding]) =>
    toCondition(type, finding, summary, now),
  );
}

/** What people are told when a status takes the place of another: that the object is not ready, and why, or is again. */
export function readyNotes(before: readonly Condition[], after: readonly Condition[]): readonly Note[] {
  const was = before.find(({ type }) => type === "Ready");
  const is = after.find(({ type }) => type === "Ready");
  if (is === undefined || (was?.status === is.status && was.message === is.message)) return [];
  if (is.status !== "True") return [{ level: "warn", reason: is.reason, message: is.message }];
  return was === undefined || was.status === "True"
    ? []
    : [{ level: "info", reason: is.reason, message: `Ready again. ${is.message}` }];
}

const unknown: Finding = { status: "Unknown", reason: "NotObserved", message: "Not looked at yet." };

function toCondition(type: string, finding: Finding, summary: Summary, now: number): Condition {
  const before = summary.previous.find((condition) => condition.type === type);
  const lastTransitionTime = before?.status === finding.status ? before.lastTransitionTime : timestamp(now);
  return {
    type,
    status: finding.status,
    observedGeneration: summary.generation,
    lastTransitionTime,
    reason: finding.reason,
    message: finding.message.slice(0, 32_768),
  };
}
