import type { Clock } from "../runtime/clock.ts";
import { whileAllowed } from "../runtime/while-allowed.ts";
import { normaliseName } from "./domain-name.ts";
import type { Answer, RecordType, Resolver } from "./resolver.ts";

/** Bounds of a cache: milliseconds, and a number of answers. */
export interface CacheLimits {
  /** Nothing that exists is kept for longer, whatever its TTL. */
  readonly maxPositive: number;
  /** Nothing that does not exist is kept for longer (RFC 2308 §5). */
  readonly maxNegative: number;
  /** How long a failure is kept, so that a dead zone is not asked for each message (RFC 9520 wants 1 s or more). */
  readonly failure: number;
  readonly maxEntries: number;
}

/** Bounds that suit mail: an MX set changes rarely, a new one is seen within ten minutes. */
export const mailCacheLimits: CacheLimits = {
  maxPositive: 600_000,
  maxNegative: 60_000,
  failure: 5000,
  maxEntries: 10_000,
};

interface Entry {
  readonly answer: Promise<Answer>;
  /** Undefined while the question is under way. */
  readonly until: number | undefined;
}

/** How long an answer may be kept, in milliseconds. */
export function cacheTime(answer: Answer, limits: CacheLimits): number {
  if (answer.kind === "Failed") return limits.failure;
  if (answer.kind === "Records") return Math.min(answer.ttl * 1000, limits.maxPositive);
  return Math.min((answer.negativeTtl ?? 0) * 1000, limits.maxNegative);
}

/**
 * Remembers answers for their TTL within bounds; a question that is under way is asked once. For delivery: whoever
 * reports on DNS must not ask through a cache. An aborted caller gets a failure at once; the question goes on for the others.
 */
export function cachedResolver(resolver: Resolver, clock: Clock, limits: CacheLimits): Resolver {
  const entries = new Map<string, Entry>();

  const ask = (key: string, name: string, type: RecordType): Entry => {
    const question = async (): Promise<Answer> => {
      const answer = await resolver.resolve(name, type);
      entry.until = clock.now() + cacheTime(answer, limits);
      return answer;
    };
    const entry: { answer: Promise<Answer>; until: number | undefined } = { answer: question(), until: undefined };
    // The oldest goes first; a hit does not move an entry, because each lives minutes at most.
    const [oldest] = entries.keys();
    if (entries.size >= limits.maxEntries && oldest !== undefined) entries.delete(oldest);
    entries.set(key, entry);
    return entry;
  };
  const isFresh = ({ until }: Entry): boolean => {
    if (until === undefined) return true;
    const left = until - clock.now();
    // A clock that jumped back must not make an answer live longer.
    return left > 0 && left <= Math.max(limits.maxPositive, limits.maxNegative, limits.failure);
  };

  return {
    async resolve<T extends RecordType>(name: string, type: T, signal?: AbortSignal): Promise<Answer<T>> {
      const key = `${type} ${normaliseName(name)}`;
      const known = entries.get(key);
      if (known !== undefined && !isFresh(known)) entries.delete(key);
      const entry = entries.get(key) ?? ask(key, name, type);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the key holds the type
      return (await orAborted(entry.answer, signal)) as Answer<T>;
    },
  };
}

/** The answer, or a failure as soon as the signal is aborted. */
async function orAborted(answer: Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
  if (signal === undefined) return answer;
  try {
    return await whileAllowed(answer, signal);
  } catch (error) {
    if (signal.aborted) return { kind: "Failed", reason: "aborted" };
    throw error;
  }
}
