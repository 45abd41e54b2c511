/** What the audit log says of processes that take turns, and of how often an account asks. */
import type { AuditEvent } from "./audit-log.ts";

const reads: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/** What the API server was asked, in the order in which it came. A watch is told of when it begins and at its end: it counts once. */
function requestsOf(events: readonly AuditEvent[], user: string): readonly AuditEvent[] {
  const own = events.filter((event) => event.user.username === user);
  return [...new Map(own.map((event) => [event.auditID, event])).values()].toSorted((a, b) =>
    a.requestReceivedTimestamp < b.requestReceivedTimestamp ? -1 : 1,
  );
}

/** The process that asked, by its group in its certificate. */
function processOf({ user }: AuditEvent): string {
  return user.groups?.find((group) => group.startsWith("process-")) ?? "";
}

export interface Terms {
  /** Processes that held the Lease, in their order. */
  readonly holders: readonly string[];
  /** Writes of others than the one that had taken the Lease last when they came. */
  readonly strays: readonly string[];
}

/** Who of a user's processes held the Lease, and who wrote without it. */
export function termsOf(events: readonly AuditEvent[], user: string): Terms {
  const holders: string[] = [];
  const strays: string[] = [];
  for (const event of requestsOf(events, user)) {
    const { verb, objectRef, responseStatus, requestURI, requestReceivedTimestamp } = event;
    if (reads.has(verb)) continue;
    const process = processOf(event);
    const isHolder = process === holders.at(-1);
    if (objectRef?.resource === "leases") {
      if (!isHolder && (responseStatus?.code ?? 500) < 300) holders.push(process);
    } else if (!isHolder) strays.push(`${requestReceivedTimestamp} ${process} ${verb} ${requestURI}`);
  }
  return { holders, strays };
}

/** The most requests of a user in any sixty seconds. */
export function busiestMinute(events: readonly AuditEvent[], user: string): number {
  const times = requestsOf(events, user).map((event) => Date.parse(event.requestReceivedTimestamp));
  let from = 0;
  let most = 0;
  for (const [index, time] of times.entries()) {
    while (time - (times[from] ?? time) > 60_000) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
