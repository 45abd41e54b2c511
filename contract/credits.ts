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
  /** The period that `used` belongs to, as {@link periodOf} names it. */
  readonly period: string;
  readonly used: number;
  /**
   * Base credits spent in periods of other kinds, by their names: of each kind the last one that was charged. An allowance
   * that is changed back while such a period runs finds what was spent in it. Absent when there are none.
   */
  readonly otherPeriods?: Readonly<Record<string, number>>;
  /** Credits spent of each top-up, by its name; an entry outlives the top-up, so that the same name never refills. */
  readonly topUpsUsed: Readonly<Record<string, number>>;
}

/** A stretch of time in which base credits count together. */
export interface Period {
  /**
   * `2026-11-22`, `2026-W47`, `2026-11`, `once` or `unlimited`: a changed `reset` has another name, and so opens a new
   * period. But for their digits the names of one kind are the same.
   */
  readonly name: string;
  /** Milliseconds since the epoch, the first that belongs to it. */
  readonly startsAt: number;
  /** The first that does not; absent when it never ends. */
  readonly endsAt?: number;
}

/** What a tenant has left at one moment. */
export interface Balance {
  /** Base credits and unexpired top-ups; absent when Unlimited. */
  readonly limit?: number;
  readonly used: number;
  readonly remaining?: number;
  /** When the base credits are renewed, milliseconds since the epoch; absent when they never are. */
  readonly resetsAt?: number;
}

/** How far a tenant's credits are used up: `Low` from nine tenths on, `Exhausted` when none is left. */
export type CreditLevel = "Left" | "Low" | "Exhausted";

const day = 86_400_000;

/** The period that `now` lies in. */
export function periodOf(credits: Credits, now: number): Period {
  if (credits.type === "Unlimited") return { name: "unlimited", startsAt: 0 };
  if (credits.type === "OneTime") return { name: "once", startsAt: 0 };
  const midnight = Math.floor(now / day) * day;
  return calendar[credits.reset](midnight);
}

const calendar: Readonly<Record<Reset, (midnight: number) => Period>> = {
  Daily: (midnight) => ({ name: isoDay(midnight), startsAt: midnight, endsAt: midnight + day }),
  Weekly: weekOf,
  Monthly: monthOf,
};

/** What is left of an allowance; `usage` is undefined for a tenant that never sent. */
export function balance(allowance: Allowance, usage: Usage | undefined, now: number): Balance {
  const { credits } = allowance;
  const period = periodOf(credits, now);
  const used = usedIn(usage, period.name);
  if (credits.type === "Unlimited") return { used };
  const pools = openTopUps(allowance, usage, now);
  const limit = credits.amount + sum(pools.map((pool) => pool.amount));
  const remaining = Math.max(0, credits.amount - used) + sum(pools.map((pool) => pool.left));
  const resetsAt = period.endsAt === undefined ? {} : { resetsAt: period.endsAt };
  return { limit, used: limit - remaining, remaining, ...resetsAt };
}

/** The level of a balance; Unlimited credits are always `Left`. */
export function creditLevel({ limit, used, remaining }: Omit<Balance, "resetsAt">): CreditLevel {
  if (limit === undefined) return "Left";
  if (remaining === 0) return "Exhausted";
  return used * 10 >= limit * 9 ? "Low" : "Left";
}

/**
 * The ledger's row after a message to so many recipients, or `Exhausted`: all of them or none. Base credits go first,
 * then top-ups by expiry, those that never expire last, equal ones by name.
 */
export function charge(
  allowance: Allowance,
  usage: Usage | undefined,
  recipients: number,
  now: number,
): Usage | "Exhausted" {
  const { credits } = allowance;
  const period = periodOf(credits, now).name;
  const used = usedIn(usage, period);
  const topUpsUsed = usage?.topUpsUsed ?? {};
  const others = otherPeriods(usage, period);
  if (credits.type === "Unlimited") return { period, used: used + recipients, ...others, topUpsUsed };

  const fromBase = Math.min(recipients, Math.max(0, credits.amount - used));
  let rest = recipients - fromBase;
  const spent: [string, number][] = [];
  for (const pool of openTopUps(allowance, usage, now)) {
    const part = Math.min(rest, pool.left);
    if (part > 0) spent.push([pool.name, pool.used + part]);
    rest -= part;
  }
  if (rest > 0) return "Exhausted";
  return { period, used: used + fromBase, ...others, topUpsUsed: { ...topUpsUsed, ...Object.fromEntries(spent) } };
}

/** Base credits spent in the period of that name. */
function usedIn(usage: Usage | undefined, name: string): number {
  return usage?.period === name ? usage.used : (usage?.otherPeriods?.[name] ?? 0);
}

/**
 * What is kept of other periods when the one of that name is charged. Time never runs back, so that of one kind only the
 * last can come again: one of this period's own kind is over.
 */
function otherPeriods(usage: Usage | undefined, name: string): Pick<Usage, "otherPeriods"> {
  if (usage === undefined) return {};
  const before = { ...usage.otherPeriods, [usage.period]: usage.used };
  const kept = Object.entries(before).filter(([other]) => kindOf(other) !== kindOf(name));
  return kept.length === 0 ? {} : { otherPeriods: Object.fromEntries(kept) };
}

/** The kind of a period by its name. */
export function kindOf(name: string): string {
  return name.replaceAll(/[0-9]/g, "0");
}

interface Pool {
  readonly name: string;
  readonly amount: number;
  readonly used: number;
  readonly left: number;
}

/** Unexpired top-ups in the order in which they are spent. */
function openTopUps(allowance: Allowance, usage: Usage | undefined, now: number): readonly Pool[] {
  return allowance.topUps
    .filter((topUp) => endOf(topUp) > now)
    .toSorted((a, b) => (endOf(a) === endOf(b) ? compareText(a.name, b.name) : endOf(a) - endOf(b)))
    .map(({ name, amount }) => {
      const used = spentOf(usage, name);
      return { name, amount, used, left: Math.max(0, amount - used) };
    });
}

function endOf(topUp: TopUp): number {
  return topUp.expiresAt ?? Number.POSITIVE_INFINITY;
}

/** A top-up may bear any label as its name, `constructor` too. */
function spentOf(usage: Usage | undefined, name: string): number {
  return usage !== undefined && Object.hasOwn(usage.topUpsUsed, name) ? (usage.topUpsUsed[name] ?? 0) : 0;
}

function monthOf(midnight: number): Period {
  const date = new Date(midnight);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const startsAt = Date.UTC(year, month, 1);
  return { name: isoDay(startsAt).slice(0, 7), startsAt, endsAt: Date.UTC(year, month + 1, 1) };
}

/** The ISO 8601 week: it starts on Monday and bears the number and the year of its Thursday. */
function weekOf(midnight: number): Period {
  const sinceMonday = (new Date(midnight).getUTCDay() + 6) % 7;
  const startsAt = midnight - sinceMonday * day;
  const thursday = startsAt + 3 * day;
  const year = new Date(thursday).getUTCFullYear();
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * day));
  return { name: `${year}-W${String(week).padStart(2, "0")}`, startsAt, endsAt: startsAt + 7 * day };
}

function isoDay(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
