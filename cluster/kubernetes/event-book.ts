/** The object that an Event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Absent when the object is gone. */
  readonly uid?: string;
}

/** Something that happened to an object, for people; without secrets. */
export interface Happening {
  readonly regarding: Regarding;
  readonly type: "Normal" | "Warning";
  /** Why, one CamelCase word. */
  readonly reason: string;
  /** What was done, one CamelCase word. */
  readonly action: string;
  /** Sentences. */
  readonly note: string;
}

/** Happenings of one object, reason and action: one Event, told once and then counted. */
export interface Series {
  readonly happening: Happening;
  readonly notes: readonly string[];
  /** Milliseconds since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  /** What the API server has of it. */
  readonly written?: { readonly at: number; readonly count: number };
}

/** How much is told; times in milliseconds. */
export interface EventLimits {
  /** What happens again within so long of the last time is the same Event. */
  readonly window: number;
  /** An Event waits so long for what else belongs into it. */
  readonly settle: number;
  /** At least so long between two writes of one Event. */
  readonly rewrite: number;
  /** New Events of one object at once, and after what time it may tell one more. */
  readonly burst: number;
  readonly refill: number;
  /** So many series and objects are remembered; the oldest are forgotten. */
  readonly most: number;
}

/** An object tells at most ten things at once, then one in five minutes. */
export const usualLimits: EventLimits = {
  window: 600_000,
  settle: 1000,
  rewrite: 60_000,
  burst: 10,
  refill: 300_000,
  most: 4096,
};

/** What is known of happenings: bounded, whatever happens. */
export interface EventBook {
  readonly series: Map<string, Series>;
  /** Keys of series with something to write. */
  readonly open: Set<string>;
  /** Events that an object might still make when it made its last one. */
  readonly budgets: Map<string, { readonly left: number; readonly at: number }>;
}

/** An empty book. */
export function emptyBook(): EventBook {
  return { series: new Map(), open: new Set(), budgets: new Map() };
}

/** Takes in a happening. How many Events are lost by that: its own where its object tells too much, or the oldest. */
export function enter(book: EventBook, happening: Happening, now: number, limits = usualLimits): number {
  const key = [...objectOf(happening), happening.type, happening.reason, happening.action].join(" ");
  const before = book.series.get(key);
  const after = before && now - before.lastAt <= limits.window ? continued(before, happening, now) : undefined;
  if (after) return keep(book, key, after, limits);
  if (!spend(book, happening, now, limits)) return 1;
  const begun = { happening, notes: [happening.note], firstAt: now, lastAt: now, count: 1 };
  return keep(book, key, begun, limits);
}

/** The same again, or what else may be said with it; undefined: it is another Event, because what is written stays. */
function continued(series: Series, { note }: Happening, now: number): Series | undefined {
  if (series.notes.includes(note)) return { ...series, lastAt: now, count: series.count + 1 };
  return series.written ? undefined : { ...series, lastAt: now, notes: [...series.notes, note].slice(0, 16) };
}

function keep(book: EventBook, key: string, series: Series, { most }: EventLimits): number {
  book.series.delete(key);
  book.series.set(key, series);
  book.open.add(key);
  if (book.series.size <= most) return 0;
  const [oldest = key] = book.series.keys();
  const isLost = book.series.get(oldest)?.written === undefined;
  forget(book, oldest);
  return isLost ? 1 : 0;
}

function spend({ budgets }: EventBook, happening: Happening, now: number, limits: EventLimits): boolean {
  const key = objectOf(happening).join(" ");
  const { left, at } = budgets.get(key) ?? { left: limits.burst, at: now };
  const budget = Math.min(limits.burst, left + Math.max(0, now - at) / limits.refill);
  if (budget < 1) return false;
  budgets.delete(key);
  budgets.set(key, { left: budget - 1, at: now });
  const [oldest = key] = budgets.keys();
  if (budgets.size > limits.most) budgets.delete(oldest);
  return true;
}

function objectOf({ regarding: { kind, namespace, name, uid = "" } }: Happening): readonly string[] {
  return [kind, namespace, name, uid];
}

/** Forgets a series: what it still had to tell is lost. */
export function forget(book: EventBook, key: string): void {
  book.series.delete(key);
  book.open.delete(key);
}

/** Takes in that the API server has a series as it was when it was looked at. */
export function written(book: EventBook, key: string, { count }: Series, now: number): void {
  const series = book.series.get(key);
  if (series === undefined) return;
  book.series.set(key, { ...series, written: { at: now, count } });
  if (series.count === count) book.open.delete(key);
}

/** What is to be written at `now`, oldest first; and when there will be more, if nothing happens until then. */
export function due(
  book: EventBook,
  now: number,
  limits = usualLimits,
): { readonly keys: readonly string[]; readonly nextAt?: number } {
  const times = [...book.open].flatMap((key) => {
    const series = book.series.get(key);
    return series
      ? [[key, series.written ? series.written.at + limits.rewrite : series.firstAt + limits.settle] as const]
      : [];
  });
  const later = times.filter(([, at]) => at > now).map(([, at]) => at);
  return {
    keys: times.filter(([, at]) => at <= now).map(([key]) => key),
    ...(later.length > 0 && { nextAt: later.reduce((a, b) => Math.min(a, b)) }),
  };
}
