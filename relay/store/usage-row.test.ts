import { describe, expect, test } from "vitest";
import type { Usage } from "../../contract/credits.ts";
import { highestOf } from "./usage-row.ts";

const row = (period: string, used: number, rest: Partial<Usage> = {}): Usage => ({
  period,
  used,
  topUpsUsed: {},
  ...rest,
});

describe("two states of a row", () => {
  test.each<readonly [what: string, one: Usage, other: Usage, highest: Usage]>([
    ["of one period", row("2026-11", 3), row("2026-11", 5), row("2026-11", 5)],
    ["of two periods of one kind", row("2026-11", 9), row("2026-12", 1), row("2026-12", 1)],
    [
      "of two kinds",
      row("2026-11", 3, { otherPeriods: { "2026-11-22": 4 } }),
      row("2026-11-22", 6),
      row("2026-11", 3, { otherPeriods: { "2026-11-22": 6 } }),
    ],
    [
      "of two kinds, one of them over",
      row("2026-11-21", 8, { otherPeriods: { once: 2 } }),
      row("once", 1, { otherPeriods: { "2026-11-22": 5 } }),
      row("2026-11-22", 5, { otherPeriods: { once: 2 } }),
    ],
    [
      "with top-ups",
      row("once", 1, { topUpsUsed: { a: 2, b: 3 } }),
      row("once", 1, { topUpsUsed: { b: 1, constructor: 4 } }),
      row("once", 1, { topUpsUsed: { a: 2, b: 3, constructor: 4 } }),
    ],
  ])("%s", (_, one, other, highest) => {
    expect(highestOf(one, other)).toEqual(highest);
    expect(highestOf(other, one).topUpsUsed).toEqual(highest.topUpsUsed);
  });
});
