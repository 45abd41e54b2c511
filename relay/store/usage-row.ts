import type { Usage } from "../../contract/credits.ts";

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

function sorted(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
