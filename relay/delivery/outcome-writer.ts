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
   * settles it. What fails in any other way is tried to the end that the lease had when it began to.
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

export function outcomeWriter(parts: OutcomeWriterParts): OutcomeWriter {
  const { clock, log, signal } = parts;
  /** Those that the store was away for. */
  const unwritten = new Set<Writing>();
  return {
    async write(delivery, settlement, lease) {
      const bell = createDoorbell(clock);
      const ring = (): void => bell.ring();
      const writing: Writing = { delivery, settlement, lease, ring };
      await attempt(writing, parts, unwritten);
      signal.addEventListener("abort", ring);
      for (let pause = firstPause; writing.known === undefined && !signal.aborted; pause = longer(pause)) {
        await bell.wait(pause);
        await attempt(writing, parts, unwritten);
      }
      signal.removeEventListener("abort", ring);
      unwritten.delete(writing);
      const known = writing.known ?? "Unknown";
      if (known !== "Written") log.warn({ delivery: delivery.key }, unwrittenBecause[known]);
      return known === "Written";
    },
    async catchUp() {
      await Promise.all(Array.from(unwritten, (writing) => attempt(writing, parts, unwritten)));
    },
  };
}

/** `Refused`: given up, for the store does not take it. */
type Known = "Written" | "NotMine" | "Refused";

/** For the log: what is true of a delivery of which no event is told. */
const unwrittenBecause: Readonly<Record<Exclude<Known, "Written"> | "Unknown", string>> = {
  NotMine:
    "a delivery is not this relay's any more: another has claimed it, or it was written long ago and the answer was lost",
  Refused: "what became of a delivery is not written: it is tried again when its lease has lapsed",
  Unknown:
    "what became of a delivery was not confirmed before the end: unless it was written all the same, it is tried again",
};

interface Writing {
  readonly delivery: Delivery;
  readonly settlement: Settlement;
  readonly lease: Pick<Lease, "until">;
  /** Called when it is known whether it is written. */
  readonly ring: () => void;
  known?: Known;
  trying?: Promise<void> | undefined;
  /** When it is given up: the lease is renewed meanwhile, and would never end. Absent while the store is away. */
  endsAt?: number;
}

/** Tries once, unless somebody does already or it is known. */
async function attempt(writing: Writing, parts: OutcomeWriterParts, unwritten: Set<Writing>): Promise<void> {
  if (writing.known !== undefined) return;
  writing.trying ??= settle(writing, parts, unwritten).finally(() => (writing.trying = undefined));
  await writing.trying;
}

async function settle(
  writing: Writing,
  { spool, clock, log }: OutcomeWriterParts,
  unwritten: Set<Writing>,
): Promise<void> {
  const { delivery, settlement, lease } = writing;
  try {
    writing.known = (await spool.settle(delivery, settlement)) ? "Written" : "NotMine";
  } catch (error) {
    log.error({ err: error, delivery: delivery.key }, "what became of a delivery cannot be written; trying again");
    if (isAway(error)) {
      unwritten.add(writing);
      delete writing.endsAt;
    } else {
      unwritten.delete(writing);
      writing.endsAt ??= lease.until;
      if (clock.now() + firstPause >= writing.endsAt) writing.known = "Refused";
    }
  }
  if (writing.known !== undefined) writing.ring();
}

function isAway(error: unknown): boolean {
  return error instanceof StoreUnavailable || error instanceof StoreFull;
}

function longer(pause: number): number {
  return Math.min(pause * 2, longestPause);
}
