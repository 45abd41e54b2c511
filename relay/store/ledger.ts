import type { Usage } from "../../contract/credits.ts";
import type { RateLimit } from "../../contract/rates.ts";
import type { RateLimited } from "./spool.ts";

/** Who has spent how many credits, and which API keys are in use. Credits are written by {@link Spool.accept} alone, in the transaction that spools. */
export interface Ledger {
  /** The row of a tenant (`namespace/name`), or undefined when it never sent. */
  usage(tenant: string): Promise<Usage | undefined>;
  /** The store's clock: the highest of `now` and every time it was ever told. It never runs back; over a restart not over the start of a second. */
  time(now: number): Promise<number>;
  /**
   * The limit that does not admit one recipient at `now`, with the time from which it does, if nothing else comes before;
   * of several the one that holds longest. Takes nothing. `now` is the wall clock of the caller, as `take` wants it.
   */
  admits(limits: readonly RateLimit[], now: number): Promise<RateLimited | undefined>;
  /** Notes that an API key was used. Costs a write once in a `keyUseStep` of the contract, whatever comes in between. */
  noteKeyUse(tenant: string, keyId: string, now: number): Promise<void>;
  /** When each API key of a tenant was last used, by its id: the start of the step. Keys unused for a year are forgotten. */
  keysUsed(tenant: string): Promise<Readonly<Record<string, number>>>;
}
