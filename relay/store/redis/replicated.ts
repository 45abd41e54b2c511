import type { Call, Reply } from "./connection.ts";
import type { Answer, Link } from "./link.ts";
import { nothingSent } from "./nothing-sent.ts";

/** How many replicas must have what was written, and how it is waited for. */
export interface ReplicaWait {
  readonly replicas: number;
  /** Milliseconds. */
  readonly timeout: number;
  /** Until it is on their disks, not only in their memory. */
  readonly onDisk: boolean;
}

interface Job {
  readonly calls: readonly Call[];
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Too few replicas had a message in time, or could not be asked. It stands on the primary all the same. */
export class ReplicasLate extends Error {
  override readonly name = "ReplicasLate";
}

const mostJobs = 500;

/**
 * Sends batches that must reach replicas. Waiting for them blocks a connection, so what comes meanwhile is gathered and
 * goes as one batch with one wait. The link is used for nothing else. Rejects with {@link ReplicasLate}.
 */
export function replicatedSender(
  link: Link,
  wait: () => ReplicaWait,
  patience: number,
): (calls: readonly Call[]) => Promise<readonly Answer[]> {
  const pending: Job[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (pending.length > 0) await flush(link, pending.splice(0, mostJobs), wait(), patience);
    running = false;
  }
  return (calls) =>
    new Promise((resolve, reject) => {
      if (pending.length >= 8 * mostJobs)
        return reject(nothingSent("the replicas do not keep up: too much waits for them already"));
      pending.push({ calls, resolve, reject });
      if (!running) void run();
    });
}

/** Never rejects. */
async function flush(link: Link, jobs: readonly Job[], wait: ReplicaWait, patience: number): Promise<void> {
  const { replicas, timeout } = wait;
  const asked = waitCalls(wait);
  try {
    const answers = await link.send([...jobs.flatMap(({ calls }) => calls), ...asked], patience + timeout);
    const waited = answers.at(-1) ?? null;
    const late =
      waited instanceof Error
        ? unasked(waited)
        : arrived(waited) < replicas
          ? tooLate(wait, arrived(waited))
          : undefined;
    let from = 0;
    for (const { calls, resolve, reject } of jobs) {
      const own = answers.slice(from, (from += calls.length));
      if (late === undefined || own.some((answer) => answer instanceof Error)) resolve(own);
      else reject(late);
    }
  } catch (error) {
    for (const { reject } of jobs) reject(error);
  }
}

/** Parts of the time in which a replica is asked for its disk: soon again at first. */
const shares = [0.02, 0.08, 0.2, 0.7];

/**
 * A replica answers a question for its disk with what it had flushed before the question came, and then not until it
 * reports by itself, once a second. So it is asked for its memory first, and for its disk more than once: whoever has
 * what is asked for is not waited for again.
 */
function waitCalls({ replicas, timeout, onDisk }: ReplicaWait): readonly Call[] {
  if (!onDisk) return [{ command: "WAIT", args: [replicas, timeout] }];
  const half = timeout / 2;
  const disk = shares.map((share) => ({ command: "WAITAOF", args: [1, replicas, Math.ceil(half * share)] }));
  return [{ command: "WAIT", args: [replicas, Math.ceil(half)] }, ...disk];
}

function arrived(reply: Reply): number {
  const count = Array.isArray(reply) ? reply[1] : reply;
  return typeof count === "number" ? count : 0;
}

/** Replicas cannot be waited for, such as by a user who may not: that says nothing of what was written before. */
function unasked({ message }: Error): ReplicasLate {
  return new ReplicasLate(`replicas cannot be waited for: ${message}`);
}

function tooLate({ replicas, timeout, onDisk }: ReplicaWait, count: number): ReplicasLate {
  return new ReplicasLate(
    `${count} of ${replicas} replicas had a message ${onDisk ? "on disk" : "in memory"} after ${timeout} ms`,
  );
}
