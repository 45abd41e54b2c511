/** What a soak saw from outside: plain data, gathered while it ran and judged when it is over. Times are milliseconds. */

/** What a client knows of one message that it tried to submit, once, under a token of its own. */
export interface Submission {
  /** The Message-ID. */
  readonly token: string;
  /** `namespace/name`. */
  readonly tenant: string;
  readonly recipients: readonly string[];
  readonly route: "Deliver" | "Capture";
  /** The relay that it spoke to. */
  readonly relay: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** The last reply, or undefined when the connection ended without one. */
  readonly reply: string | undefined;
}

/** A message that the receiving server read to its final dot and took. */
export interface Copy {
  readonly token: string;
  readonly recipients: readonly string[];
  readonly relay: string;
  readonly at: number;
  /** The body has the digest that the client gave it. */
  readonly intact: boolean;
}

/** A relay's event about one recipient: how an attempt ended, after that was written to the store. */
export interface Told {
  readonly type: "delivered" | "bounced" | "expired";
  readonly token: string;
  readonly recipient: string;
  readonly relay: string;
  readonly at: number;
}

/** A message that a Capture environment keeps. */
export interface Kept {
  readonly token: string;
  readonly recipients: readonly string[];
}

export interface Kill {
  readonly relay: string;
  readonly at: number;
}

/** Redis was restarted or paused, or gave no answer for a second by itself; `until`: it answered again. */
export interface Outage {
  readonly kind: "Restarted" | "Paused" | "Slow";
  readonly from: number;
  readonly until: number;
}

/** What the ledger says that a tenant spent of one pool: the base credits of a period, or a top-up. */
export interface Spent {
  readonly tenant: string;
  readonly pool: string;
  readonly used: number;
  /** No limit when absent. */
  readonly limit?: number;
}

/** Memory of one process that was never killed while it was watched: octets. */
export interface MemorySeries {
  readonly process: string;
  readonly samples: readonly { readonly at: number; readonly octets: number }[];
}

export interface Evidence {
  readonly submissions: readonly Submission[];
  readonly copies: readonly Copy[];
  readonly told: readonly Told[];
  readonly kept: readonly Kept[];
  readonly kills: readonly Kill[];
  readonly outages: readonly Outage[];
  readonly spent: readonly Spent[];
  readonly memory: readonly MemorySeries[];
  /** Relays that ended though nobody killed them. */
  readonly died: readonly string[];
  /** Deliveries in the spool when the time to drain it was over. */
  readonly waiting: number;
}
