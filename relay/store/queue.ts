import type { Envelope, LastReply, SpooledRecipient } from "./spool.ts";

/** A row of the queue for people: `posthouse queue list`. */
export interface QueueRow {
  readonly key: string;
  readonly envelope: Envelope;
  readonly domain: string;
  readonly recipients: readonly SpooledRecipient[];
  readonly attempts: number;
  readonly dueAt: number;
  /** A relay works on it now. */
  readonly leased: boolean;
  readonly lastReply?: LastReply;
}

/** The spool as people see it and set it to work again. */
export interface Queue {
  /**
   * Rows in the order of acceptance, at most `limit`, of one message when `messageId` is given; only those behind the one
   * whose key is `after`, be that one there or not.
   */
  list(limit: number, messageId?: string, after?: string): Promise<readonly QueueRow[]>;
  /** Makes a message's deliveries (all messages' without an id) that are not leased due at `now`. Returns how many. */
  retry(now: number, messageId?: string): Promise<number>;
}
