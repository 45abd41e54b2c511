import type { RateLimit } from "../../contract/rates.ts";
import type { RateLimited } from "../store/spool.ts";

/**
 * Refusals by rate that still hold. What was refused is refused again until its time has come, and so is everything
 * larger: whoever floods is answered from here, and costs the store nothing.
 */
export interface RateMemory {
  /** The remembered refusal of so many recipients by one of these limits that holds longest. */
  refusal(limits: readonly RateLimit[], recipients: number, now: number): RateLimited | undefined;
  /** Remembers that one of these limits does not admit so many recipients at `now`. */
  note(limits: readonly RateLimit[], recipients: number, limited: RateLimited, now: number): void;
}

interface Entry {
  readonly limited: RateLimited;
  /** So many and more. */
  readonly recipients: number;
  readonly notedAt: number;
}

/** A memory of at most `size` limits; the one that was noted first makes room. */
export function rateMemory(size = 10_000): RateMemory {
  const entries = new Map<string, Entry>();
  return {
    refusal(limits, recipients, now) {
      const found = limits.flatMap((limit) => {
        const entry = entries.get(nameOf(limit));
        return entry !== undefined && holds(entry, now) && recipients >= entry.recipients ? [entry.limited] : [];
      });
      return found.toSorted((a, b) => b.retryAt - a.retryAt)[0];
    },
    note(limits, recipients, limited, now) {
      const limit = limits.find(({ key }) => key === limited.key);
      if (limit === undefined) return;
      const name = nameOf(limit);
      const known = entries.get(name);
      if (known !== undefined && holds(known, now) && known.recipients <= recipients) return;
      entries.delete(name);
      const [oldest] = entries.size >= size ? entries.keys() : [];
      if (oldest !== undefined) entries.delete(oldest);
      entries.set(name, { limited, recipients, notedAt: now });
    },
  };
}

/** A limit that is changed is another one: what it refused before says nothing of what it does now. */
function nameOf({ key, perSecond, perDay }: RateLimit): string {
  return `${perSecond} ${perDay} ${key}`;
}

/** A clock that was set back makes what was noted before worthless. */
function holds({ limited, notedAt }: Entry, now: number): boolean {
  return notedAt <= now && now < limited.retryAt;
}
