import type { Allowance } from "../../contract/credits.ts";
import type { RateLimit } from "../../contract/rates.ts";

/** A recipient as the spool keeps it, until it is settled. */
export interface SpooledRecipient {
  /** `RCPT TO` address: local part as given, domain in lower-case A-labels (U-labels only with SMTPUTF8 local parts stay A-labels). */
  readonly address: string;
}

/** What all recipients of an accepted message share. Immutable once spooled. */
export interface Envelope {
  /** Queue id, as the client was told: unique, sortable by time of acceptance. Also the key that makes billing idempotent. */
  readonly id: string;
  /** `namespace/name` of the RelayTenant. */
  readonly tenant: string;
  readonly environment: string;
  /** Id of the credential that submitted it. */
  readonly credential: string;
  /** `MAIL FROM` address, or "" for the null reverse-path. */
  readonly sender: string;
  /** The domain of the From header field: its claim signs. */
  readonly fromDomain: string;
  /** Message-ID header field, without angle brackets. */
  readonly messageId: string;
  /** Octets of the content. */
  readonly size: number;
  /** The content holds octets over 127 (RFC 6152: the hop must offer 8BITMIME, or the message is refused there). */
  readonly eightBit: boolean;
  /** An address or header needs SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8: boolean;
  readonly acceptedAt: number;
}

/** A part of a message that is tried, retried and settled on its own: its recipients at one domain (all of them when captured). */
export interface NewDelivery {
  /** Recipient domain in lower-case A-labels or an address literal; "" for a capture. */
  readonly domain: string;
  readonly recipients: readonly SpooledRecipient[];
}

/** What accepting a message costs and whom. */
export interface Charge {
  /** `namespace/name` of the RelayTenant: the key of the ledger's row. */
  readonly tenant: string;
  readonly allowance: Allowance;
  /** Credits to take: the recipients, or 0 for what costs nothing. */
  readonly recipients: number;
  /** Rate limits that all hold at once, counted in `rated` recipients, by the clock of `acceptedAt`; none when absent. */
  readonly rates?: readonly RateLimit[];
  /** Recipients that count against `rates`. */
  readonly rated?: number;
  /** Octets of content that the tenant may have in the spool, this message included; no cap when absent. Over it {@link StoreFull}. */
  readonly spoolLimit?: number;
}

/** A rate limit does not admit the message now. Nothing was spooled, billed or counted. */
export interface RateLimited {
  readonly kind: "RateLimited";
  /** The key of the limit that holds longest. */
  readonly key: string;
  /** When as many recipients are admitted, if nothing else comes before them. Milliseconds since the epoch. */
  readonly retryAt: number;
}

export interface NewMessage {
  readonly envelope: Envelope;
  /** The bytes as they will be signed and sent: CRLF line ends, headers repaired, trace field added. */
  readonly content: Uint8Array;
  readonly deliveries: readonly NewDelivery[];
  readonly charge: Charge;
}

/**
 * `Exhausted`: the credits do not cover all recipients; nothing was spooled, nothing billed. Of all messages that were
 * accepted just one is `AcceptedLow`, the one with which nine tenths of the credits were used, and one `AcceptedLast`,
 * the one with which all were; until the credits are more again.
 */
export type AcceptResult = "Accepted" | "AcceptedLow" | "AcceptedLast" | "Exhausted" | RateLimited;

/** No room for a message: a full disk, a full map. Answered with 452 4.3.1; it passes when there is room again. */
export class StoreFull extends Error {
  override readonly name = "StoreFull";
}

/** The reply that an attempt got, kept for the people who ask why. */
export interface LastReply {
  readonly at: number;
  /** Host and address of the hop, or of nobody when none was reached. */
  readonly hop: string;
  /** One line, stripped of control characters, at most 512 characters. */
  readonly text: string;
}

/** A delivery that is due, leased to the one who claimed it. */
export interface Delivery extends NewDelivery {
  /** `<message id>/<index>`. */
  readonly key: string;
  readonly envelope: Envelope;
  /** Attempts so far. */
  readonly attempts: number;
  readonly lastReply?: LastReply;
  /** Fencing token: rises with every claim; only the latest may settle. */
  readonly token: number;
  readonly leaseUntil: number;
}

/** What an attempt left of a delivery. */
export type Settlement =
  /** Every recipient is settled: the row goes, with the last row of a message its envelope and content. */
  | { readonly kind: "Done" }
  /** These recipients are tried again at `dueAt`. `attempts` is the new count. */
  | {
      readonly kind: "Again";
      readonly recipients: readonly SpooledRecipient[];
      readonly attempts: number;
      readonly dueAt: number;
      readonly lastReply?: LastReply;
    };

/**
 * Messages accepted and not yet settled. What it returns from `accept` and `settle` is durable: flushed to disk
 * before the promise resolves. Any other rejection than {@link StoreFull} means: nothing happened, or what did is taken
 * back; try again later, a message under a new id.
 */
export interface Spool {
  /**
   * Bills and spools in one transaction. The id of an accepted message again, within an hour at least, is answered with
   * `Accepted` and changes nothing. Of several reasons to refuse, room in the spool is told before rates, and
   * those before credits. A delivery is due from `acceptedAt`; the period is that of the store's clock.
   */
  accept(message: NewMessage): Promise<AcceptResult>;
  /** Leases up to `limit` deliveries that are due at `now` and not leased, oldest due first, until `now + lease`. A lapsed lease is due since its lapse. */
  claim(now: number, limit: number, lease: number): Promise<readonly Delivery[]>;
  /** Extends a lease to `until`. False when it lapsed and somebody else has it now, or the delivery is gone: stop working on it. */
  renew(delivery: Pick<Delivery, "key" | "token">, until: number): Promise<boolean>;
  /** The content of a message, or undefined when it is settled meanwhile. */
  content(messageId: string): Promise<Uint8Array | undefined>;
  /**
   * Writes what an attempt left of a delivery. False, with nothing written, when the lease went to somebody else; one that
   * lapsed is still its holder's until somebody claims. The token that settled it says true again for some minutes in
   * which the store is there, while it stays open, and writes nothing: so an answer that was lost may be asked for once more.
   */
  settle(delivery: Pick<Delivery, "key" | "token">, settlement: Settlement): Promise<boolean>;
  /** When the next unleased or lapsed delivery falls due, or undefined when the spool is empty: what the deliverer sleeps until. */
  nextDue(): Promise<number | undefined>;
}
