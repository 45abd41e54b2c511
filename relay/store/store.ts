import type { Captures } from "./captures.ts";
import type { Ledger } from "./ledger.ts";
import type { Queue } from "./queue.ts";
import type { Spool } from "./spool.ts";
import type { Transfer } from "./transfer.ts";

/** One open store: the ports share its transactions, so that a message is billed where it is spooled. */
export interface Store {
  readonly spool: Spool;
  readonly queue: Queue;
  readonly ledger: Ledger;
  readonly captures: Captures;
  readonly transfer: Transfer;
  /**
   * Whether a message could be accepted now. Costs nothing while writes succeed; after one failed it writes and
   * flushes a row to find out. For readiness probes. Never rejects.
   */
  ready(): Promise<boolean>;
  /** Finishes what was begun, then lets go of the files. Everything called afterwards rejects with {@link StoreUnavailable}. */
  close(): Promise<void>;
}

/**
 * The store cannot be opened, read or written: what was asked did not happen, and may be asked again later.
 * Answered with a 451. `message` says what to do about it and never holds any content.
 */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}
