import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { type Delivery, type Settlement, type Spool, StoreFull } from "../store/spool.ts";
import { StoreUnavailable } from "../store/store.ts";
import { createDoorbell } from "./doorbell.ts";
import type { Lease } from "./lease.ts";

/** Writes what became of deliveries, however long the store is away. */
export interface OutcomeWriter {
  /**
   * Resolves to whether it is written; false when the lease had gone to somebody else, or it was given up. While the store is
   * away it is tried again and again, beyond the lease too: nobody claims a delivery then, and until somebody did its token
   * settles it. What fails in any other way is tried while the lease lasts.
   */
  write(delivery: Delivery, settlement: Settlement, lease: Pick<Lease, "until">): Promise<boolean>;
  /** Tries once, at once, what could not be written before: a claim would hand out the same delivery again. Never rejects. */
  catchUp(): Promise<void>;
}

export interface OutcomeWriterParts {
  readonly spool: Pick<Spool, "settle">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when what cannot be written now is to be given up. */
  readonly signal: AbortSignal;
}

/** Pauses between two tries: doubling from the first to the longest, in milliseconds. */
const firstPause = 250;
const longestPause = 10_000;

export function outcomeWriter({ spool, clock, log, signal }: OutcomeWriterParts): OutcomeWriter {
  const unwritten = new Set<() => Promise<void>>();
  return {
    async write(delivery, settlement, lease) {
      const bell = createDoorbell(clock);
      const state: { written?: boolean; trying?: Promise<void> | undefined } = {};
      const attempt = async (): Promise<void> => {
        try {
          state.written = await spool.settle(delivery, settlement);
        } catch (error) {
          log.error(
            { err: error, delivery: delivery.key },
            "what became of a delivery cannot be written; trying again",
          );
          if (!isAway(error) && clock.now() + firstPause >= lease.until) state.written = false;
        }
        state.trying = undefined;
        if (state.written !== undefined) bell.ring();
      };
      const again = (): Promise<void> => (state.trying ??= attempt());
      await again();
      unwritten.add(again);
      const ring = (): void => bell.ring();
      signal.addEventListener("abort", ring);
      for (let pause = firstPause; state.written === undefined && !signal.aborted; pause = longer(pause)) {
        await bell.wait(pause);
        if (state.written === undefined) await again();
      }
      signal.removeEventListener("abort", ring);
      unwritten.delete(again);
      if (state.written === true) return true;
      log.warn({ delivery: delivery.key }, "what became of a delivery is not written: it is tried again");
      return false;
    },
    async catchUp() {
      await Promise.all(Array.from(unwritten, (again) => again()));
    },
  };
}

function isAway(error: unknown): boolean {
  return error instanceof StoreUnavailable || error instanceof StoreFull;
}

function longer(pause: number): number {
  return Math.min(pause * 2, longestPause);
}
