import type { Clock } from "../runtime/clock.ts";
import { nextTurn } from "../runtime/turn.ts";
import { createBackoff, type BackoffOptions } from "./backoff.ts";
import { createKeyedTimers } from "./keyed-timers.ts";
import type { QueueObserver } from "./queue-metrics.ts";

export interface WorkQueueOptions extends BackoffOptions {
  /** Does the work of a key; resolves to milliseconds after which to do it again, if time alone calls for that. */
  readonly work: (key: string) => Promise<number | undefined>;
  readonly onError: (key: string, error: unknown, retryAfter: number) => void;
  readonly clock: Clock;
  /** Keys worked on at once, see {@link mostAtOnce}. */
  readonly inFlight: number;
  /** Whether a key is worked on before all that are not such, however long those have waited; none is when absent. */
  readonly goesFirst?: (key: string) => boolean;
  /** Told of each key, for metrics. */
  readonly observer?: QueueObserver;
}

/** So many keys are worked on at once, and as many again of those that go first: these need not wait for what takes long either. */
export function mostAtOnce(inFlight: number, goesFirst: boolean): number {
  return goesFirst ? 2 * inFlight : inFlight;
}

/**
 * After so many keys everything else has its turn. What needs no answer from anybody would else be done in one go: for ten
 * thousand keys no timer fires meanwhile, no answer is read, and no Lease is renewed.
 */
const inARow = 16;

/** A queue of keys: each at most once in it, never worked on twice at the same time, retried alone with growing pauses. */
export interface WorkQueue {
  /** Asks for a key to be worked on: soon, or after its pause if it failed just now and what is wanted of it is the same. */
  readonly add: (key: string) => void;
  /** Asks for what was begun with a key to be gone on with, before what was not begun. What a timer calls for is such too. */
  readonly goOn: (key: string) => void;
  /** Asks for a key to be worked on after a delay, in place of any time that was set for it. */
  readonly addAfter: (key: string, delay: number) => void;
  /** Asks for a key to be worked on within a delay: once for all who ask meanwhile. */
  readonly addWithin: (key: string, delay: number) => void;
  /** How many keys wait for their turn. */
  readonly depth: () => number;
  /** The keys that are worked on. */
  readonly running: () => Iterable<string>;
  /** Takes no more work and resolves when what was begun is done. */
  readonly stop: () => Promise<void>;
}

/** Creates a work queue; it begins at once. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const timers = createKeyedTimers(options.clock);
  const backoff = createBackoff(options);
  const { first, begun, rest, join, stands, depth, clear } = createLines(options);
  const again = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const turn = createTurns();
  let stopped = false;

  const enqueue = (key: string, wanted: Set<string>): void => {
    if (running.has(key)) again.add(key);
    else join(key, wanted);
    options.observer?.added(key);
    pump();
  };
  const due = (key: string) => (): void => enqueue(key, begun);
  const begin = (waiting: Set<string>): void => {
    for (const key of waiting) {
      if (stopped || running.size >= mostAtOnce(options.inFlight, waiting === first)) return;
      waiting.delete(key);
      timers.cancel(key);
      running.set(key, run(key));
    }
  };
  const pump = (): void => [first, begun, rest].forEach(begin);
  const run = async (key: string): Promise<void> => {
    await turn();
    const next = await attempt(options, backoff, key);
    running.delete(key);
    if (stopped) return;
    if (again.delete(key) && !backoff.isFailing(key)) join(key, begun);
    else if (next !== undefined) timers.setSooner(key, next, due(key));
    pump();
  };
  // A key that failed waits out its pause: its own half-done work must not wake it at once, over and over.
  const isPausing = (key: string): boolean => stopped || (timers.has(key) && backoff.isFailing(key));
  const isWaiting = (key: string): boolean => again.has(key) || stands(key);
  return {
    add: (key) => (isPausing(key) ? undefined : enqueue(key, rest)),
    goOn: (key) => (isPausing(key) ? undefined : enqueue(key, begun)),
    addAfter: (key, delay) => (stopped ? undefined : timers.set(key, delay, due(key))),
    addWithin: (key, delay) => (isPausing(key) || isWaiting(key) ? undefined : timers.setSooner(key, delay, due(key))),
    depth,
    running: () => running.keys(),
    async stop() {
      stopped = true;
      timers.cancelAll();
      clear();
      await Promise.all(running.values());
    },
  };
}

/**
 * Lets one after another go on at once, and the last of each row in the next turn of the event loop. None goes on within the
 * call that asked for it: a watch may still be telling of other objects.
 */
function createTurns(): () => Promise<void> {
  let count = 0;
  return async () => {
    count += 1;
    if (count % inARow === 0) await nextTurn();
  };
}

/** Who waits, most urgent first; a key stands in one line. */
interface Lines {
  readonly first: Set<string>;
  readonly begun: Set<string>;
  readonly rest: Set<string>;
  /** Puts a key in a line, unless it goes before that. */
  readonly join: (key: string, wanted: Set<string>) => void;
  /** Whether a key stands in any line. */
  readonly stands: (key: string) => boolean;
  /** How many stand in all of them. */
  readonly depth: () => number;
  readonly clear: () => void;
}

function createLines({ goesFirst }: Pick<WorkQueueOptions, "goesFirst">): Lines {
  const [first, begun, rest] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const join = (key: string, wanted: Set<string>): void => {
    const best = goesFirst?.(key) === true ? first : wanted;
    if (best === begun) rest.delete(key);
    if (best !== rest || !begun.has(key)) best.add(key);
  };
  const all = [first, begun, rest];
  return {
    first,
    begun,
    rest,
    join,
    stands: (key) => all.some((each) => each.has(key)),
    depth: () => first.size + begun.size + rest.size,
    clear: () => all.forEach((each) => each.clear()),
  };
}

async function attempt(
  { work, onError, observer, versionOf }: WorkQueueOptions,
  backoff: ReturnType<typeof createBackoff>,
  key: string,
): Promise<number | undefined> {
  const version = versionOf?.(key);
  observer?.began(key);
  try {
    const next = await work(key);
    backoff.succeeded(key);
    return next;
  } catch (error) {
    const pause = backoff.failed(key, version);
    observer?.retried(key);
    onError(key, error, pause);
    return pause;
  } finally {
    observer?.ended(key);
  }
}
