import { kindOf, type Usage } from "../../contract/credits.ts";

/** A tenant's row as it is carried: its members in one order, whichever engine they come from. */
export function inOrder({ period, used, otherPeriods, topUpsUsed }: Usage): Usage {
  return {
    period,
    used,
    ...(otherPeriods && { otherPeriods: sorted(otherPeriods) }),
    topUpsUsed: sorted(topUpsUsed),
  };
}

/** Every number of a row. */
export function countsOf({ used, otherPeriods = {}, topUpsUsed }: Usage): readonly number[] {
  return [used, ...Object.values(otherPeriods), ...Object.values(topUpsUsed)];
}

/**
 * What was surely spent, by two states of one row of which nobody knows the later: of each kind of period the later one, and
 * of each count the higher, for none ever falls.
 */
export function highestOf(one: Usage, other: Usage): Usage {
  const periods = new Map<string, readonly [name: string, used: number]>();
  for (const [name, used] of [...periodsOf(one), ...periodsOf(other)]) {
    const [kept = "", most = 0] = periods.get(kindOf(name)) ?? [];
    if (name > kept) periods.set(kindOf(name), [name, used]);
    else if (name === kept) periods.set(kindOf(name), [name, Math.max(used, most)]);
  }
  const [period, used] = periods.get(kindOf(one.period)) ?? [one.period, one.used];
  periods.delete(kindOf(period));
  const topUpsUsed = new Map(Object.entries(one.topUpsUsed));
  for (const [name, spent] of Object.entries(other.topUpsUsed))
    topUpsUsed.set(name, Math.max(spent, topUpsUsed.get(name) ?? 0));
  return {
    period,
    used,
    ...(periods.size > 0 && { otherPeriods: Object.fromEntries(periods.values()) }),
    topUpsUsed: Object.fromEntries(topUpsUsed),
  };
}

function periodsOf({ period, used, otherPeriods = {} }: Usage): readonly (readonly [name: string, used: number])[] {
  return [...Object.entries(otherPeriods), [period, used]];
}

function sorted(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
