/** What became of a group of jobs that were run in one transaction. */
export type GroupOutcome =
  /** All of it is durable. */
  | { readonly kind: "Committed" }
  /** One job threw: nothing of the group was written. */
  | { readonly kind: "Aborted"; readonly culprit: number; readonly error: unknown }
  /** It could not be committed: nothing of the group was written. `divide`: fewer jobs may succeed. */
  | { readonly kind: "Failed"; readonly error: Error; readonly divide: boolean };

/** How much goes into one transaction: it must fit into memory, and readers of the socket wait while it is filled. */
export interface GroupLimits {
  readonly jobs: number;
  /** Octets. */
  readonly weight: number;
}

export interface GroupCommit {
  /** Runs `job` in a transaction that it shares with whatever else is waiting; resolves when that is durable. */
  readonly run: <T>(job: () => T, weight?: number) => Promise<T>;
  /** Resolves when nothing is waiting or running. */
  readonly idle: () => Promise<void>;
}

interface Waiting {
  readonly weight: number;
  /** Run again when the group that it was in comes to nothing. */
  readonly run: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: while one transaction is flushed to disk, jobs gather for the next, so that a flush is shared by
 * everyone who waits for one. One transaction at a time, jobs in the order of their calls; a job that fails takes
 * no other with it.
 *
 * `commit` goes through the jobs inside the transaction: those that come while it waits for its turn, because another
 * process is writing, are among them.
 */
export function groupCommit(
  commit: (jobs: Iterable<() => void>) => Promise<GroupOutcome>,
  limits: GroupLimits,
): GroupCommit {
  const queue: Waiting[] = [];
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (queue.length > 0) await settle([], queue);
    draining = undefined;
  }

  /** Runs a group, and what it can take from `more` when its turn has come. */
  async function settle(group: Waiting[], more: Waiting[]): Promise<void> {
    const room = { ...limits };
    if (group.length === 0) take(more, group, room);
    const outcome = await commit(jobsOf(group, more, room));
    switch (outcome.kind) {
      case "Committed":
        for (const waiting of group) waiting.resolve();
        return;
      case "Aborted":
        group[outcome.culprit]?.reject(outcome.error);
        queue.unshift(...group.toSpliced(outcome.culprit, 1));
        return;
      case "Failed":
        if (outcome.divide && group.length > 1) {
          const middle = group.length >> 1;
          await settle(group.slice(0, middle), []);
          return settle(group.slice(middle), []);
        }
        for (const waiting of group) waiting.reject(outcome.error);
    }
  }

  return {
    run<T>(job: () => T, weight = 0) {
      return new Promise<T>((resolve, reject) => {
        let result: T;
        queue.push({
          weight,
          run: () => {
            result = job();
          },
          resolve: () => resolve(result),
          reject,
        });
        draining ??= drain();
      });
    },
    idle: async () => draining,
  };
}

/** The jobs of a group, which grows by those that have come when the ones before are done. */
function* jobsOf(group: Waiting[], more: Waiting[], room: Room): Generator<() => void> {
  for (let next = 0; next < group.length || take(more, group, room); next += 1) {
    const waiting = group[next];
    if (waiting !== undefined) yield waiting.run;
  }
}

/** What still fits into a group. */
interface Room {
  jobs: number;
  weight: number;
}

/** Moves jobs from the queue to the group: one if it has none yet, and as many as there is room for. Whether there were any. */
function take(queue: Waiting[], group: Waiting[], room: Room): boolean {
  const before = group.length;
  for (let first = queue[0]; first !== undefined; first = queue[0]) {
    if (group.length > 0 && (room.jobs < 1 || room.weight < first.weight)) break;
    room.jobs -= 1;
    room.weight -= first.weight;
    queue.shift();
    group.push(first);
  }
  return group.length > before;
}
