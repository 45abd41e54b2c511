import type { Clock } from "../../../runtime/clock.ts";
import { nothingSent } from "./nothing-sent.ts";

/** What may be on its way to Redis at the same time, and how many may wait to be. */
export interface GateLimits {
  readonly calls: number;
  readonly octets: number;
  readonly waiting: number;
}

/** Keeps what is on its way bounded: whoever comes when it is full waits for a turn. */
export interface Gate {
  /** Resolves with what gives the room back. Rejects with StoreUnavailable, `nothingSent`, after `patience` ms, or at once when too many wait already. */
  enter(octets: number, patience: number): Promise<() => void>;
  /** Calls under way. */
  readonly running: number;
}

interface Waiter {
  readonly octets: number;
  readonly admit: () => void;
}

/** One that is larger than all of `octets` passes alone. */
export function createGate(limits: GateLimits, clock: Pick<Clock, "after">): Gate {
  const waiting = new Set<Waiter>();
  let running = 0;
  let octets = 0;

  const fits = (more: number): boolean => running === 0 || (running < limits.calls && octets + more <= limits.octets);
  const take = (more: number): (() => void) => {
    running += 1;
    octets += more;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      running -= 1;
      octets -= more;
      admitWaiting();
    };
  };
  function admitWaiting(): void {
    for (const waiter of waiting) {
      if (!fits(waiter.octets)) return;
      waiting.delete(waiter);
      waiter.admit();
    }
  }

  return {
    get running() {
      return running;
    },
    enter(more, patience) {
      if (waiting.size === 0 && fits(more)) return Promise.resolve(take(more));
      if (waiting.size >= limits.waiting)
        return Promise.reject(nothingSent("Redis does not keep up: too much waits for it already"));
      return new Promise((resolve, reject) => {
        const waiter = {
          octets: more,
          admit: () => {
            stopTimer();
            resolve(take(more));
          },
        };
        const stopTimer = clock.after(patience, () => {
          waiting.delete(waiter);
          reject(nothingSent("Redis does not keep up: no turn came in time"));
        });
        waiting.add(waiter);
      });
    },
  };
}
