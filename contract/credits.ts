/** When a recurring allowance is renewed: 00:00 UTC, each day, Monday, or the 1st. */
export type Reset = "Daily" | "Weekly" | "Monthly";

/** A tenant's base credits. One credit is one recipient. */
export type Credits =
  | { readonly type: "Unlimited" }
  | { readonly type: "Recurring"; readonly amount: number; readonly reset: Reset }
  | { readonly type: "OneTime"; readonly amount: number };

/** Extra credits: one pool, spent once, over periods, until it expires. The same name never refills; a raised amount adds the difference. */
export interface TopUp {
  readonly name: string;
  readonly amount: number;
  /** Milliseconds since the epoch; absent means never. */
  readonly expiresAt?: number;
}

/** What a tenant may spend, as its contract says. */
export interface Allowance {
  readonly credits: Credits;
  readonly topUps: readonly TopUp[];
}

/** What a tenant has spent: the row that the ledger keeps for it. `used` counts base credits of `period` only. */
export interface Usage {
  /** The period that `used` belongs to, as {@link periodName} gives it. */
  readonly period: string;
  readonly used: number;
  /** Credits spent of each top-up, by its name; an entry outlives the top-up, so that the same name never refills. */
  readonly topUpsUsed: Readonly<Record<string, number>>;
}
