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
 */
export function groupCommit(
  commit: (jobs: readonly (() => void)[]) => Promise<GroupOutcome>,
  limits: GroupLimits,
): GroupCommit {
  const queue: Waiting[] = [];
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (queue.length > 0) await settle(take(queue, limits));
    draining = undefined;
  }

  async function settle(group: readonly Waiting[]): Promise<void> {
    const outcome = await commit(group.map((waiting) => waiting.run));
    switch (outcome.kind) {
      case "Committed":
        for (const waiting of group) waiting.resolve();
        return;
      case "Aborted":
        group[outcome.culprit]?.reject(outcome.error);
        queue.unshift(...group.toSpliced(outcome.culprit, 1));
        return;
      case "Failed":
        if (outcome.divide && group.length > 1) return settleHalves(group);
        for (const waiting of group) waiting.reject(outcome.error);
    }
  }

  async function settleHalves(group: readonly Waiting[]): Promise<void> {
    const middle = group.length >> 1;
    await settle(group.slice(0, middle));
    await settle(group.slice(middle));
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
    async idle() {
      await draining;
    },
  };
}

/** Takes the next group off the queue: at least one job, and no more than the limits allow. */
function take(queue: Waiting[], limits: GroupLimits): readonly Waiting[] {
  let weight = 0;
  const end = queue.findIndex((waiting, index) => {
    weight += waiting.weight;
    return index > 0 && (index >= limits.jobs || weight > limits.weight);
  });
  return queue.splice(0, end === -1 ? queue.length : end);
}
