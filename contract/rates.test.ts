import { describe, expect, test } from "vitest";
import { lapsesAt, take, type Rate, type RateState } from "./rates.ts";

/** 2026-11-22T12:00:00Z. */
const noon = 1_795_348_800_000;
const midnight = noon + 43_200_000;

/** Takes in turn; the outcome of each: "ok", or how long to wait in milliseconds. */
function run(rate: Rate, takes: readonly (readonly [recipients: number, at: number])[]): readonly (number | "ok")[] {
  let state: RateState | undefined;
  return takes.map(([recipients, at]) => {
    const taken = take(rate, state, recipients, at);
    if ("retryAt" in taken) return taken.retryAt - at;
    state = taken.state;
    return "ok";
  });
}

describe("take", () => {
  test.each<[string, Rate, (readonly [number, number])[], (number | "ok")[]]>([
    [
      "a burst of one second at once",
      { perSecond: 4 },
      [
        [4, noon],
        [1, noon],
      ],
      ["ok", 250],
    ],
    [
      "one more after its share of a second",
      { perSecond: 4 },
      [
        [4, noon],
        [1, noon + 250],
        [1, noon + 250],
      ],
      ["ok", "ok", 250],
    ],
    [
      "a whole burst only after a quiet second",
      { perSecond: 4 },
      [
        [4, noon],
        [4, noon + 999],
        [4, noon + 1000],
      ],
      ["ok", 1, "ok"],
    ],
    [
      "more than a burst, then its debt",
      { perSecond: 4 },
      [
        [10, noon],
        [1, noon + 1749],
        [1, noon + 1750],
      ],
      ["ok", 1, "ok"],
    ],
    [
      "a refusal takes nothing",
      { perSecond: 4 },
      [
        [4, noon],
        [4, noon],
        [4, noon],
        [1, noon + 250],
      ],
      ["ok", 1000, 1000, "ok"],
    ],
    [
      "a day's count",
      { perDay: 3 },
      [
        [2, noon],
        [2, noon],
        [1, noon],
        [1, noon],
      ],
      ["ok", midnight - noon, "ok", midnight - noon],
    ],
    [
      "a day's count from 00:00 UTC",
      { perDay: 3 },
      [
        [3, midnight - 1],
        [1, midnight - 1],
        [3, midnight],
      ],
      ["ok", 1, "ok"],
    ],
    [
      "more than a day's count on a free day only",
      { perDay: 3 },
      [
        [5, noon],
        [1, noon],
      ],
      ["ok", midnight - noon],
    ],
    [
      "both at once",
      { perSecond: 2, perDay: 3 },
      [
        [2, noon],
        [1, noon],
        [1, noon + 500],
        [1, noon + 2000],
      ],
      ["ok", 500, "ok", midnight - noon - 2000],
    ],
    [
      "no limit",
      {},
      [
        [1_000_000, noon],
        [1_000_000, noon],
      ],
      ["ok", "ok"],
    ],
    [
      "a clock that runs back waits for the old time",
      { perSecond: 1 },
      [
        [1, noon],
        [1, noon - 5000],
      ],
      ["ok", 6000],
    ],
    [
      "a clock that was an hour ahead and is set right",
      { perSecond: 1, perDay: 3 },
      [
        [1, noon + 3_600_000],
        [1, noon],
        [1, noon],
        [1, noon + 1000],
        [1, noon + 2000],
      ],
      ["ok", "ok", 1000, "ok", midnight - noon - 2000],
    ],
    [
      "the debt of the largest message, for a clock that is a minute behind",
      { perSecond: 1 },
      [
        [1000, noon],
        [1, noon - 60_000],
      ],
      ["ok", 1_060_000],
    ],
    [
      "one day's count for clocks on both sides of midnight",
      { perDay: 2 },
      [
        [1, midnight],
        [1, midnight - 60_000],
        [1, midnight - 60_000],
        [1, midnight + 1],
      ],
      ["ok", "ok", 86_460_000, 86_399_999],
    ],
    [
      "the count of a day far ahead goes into today's",
      { perDay: 3 },
      [
        [2, noon + 3 * 86_400_000],
        [1, noon],
        [1, noon],
        [1, midnight],
      ],
      ["ok", "ok", midnight - noon, "ok"],
    ],
  ])("%s", (_, rate, takes, want) => expect(run(rate, takes)).toEqual(want));
});

test.each([1, 3, 7, 11, 13, 49, 70, 333, 1000])(
  "a burst of %i is that many, one by one, whatever their share of a second",
  (n) => {
    for (const at of [noon, noon + 1, noon + 777]) {
      const takes = Array.from({ length: n + 1 }, () => [1, at] as const);
      const waits = run({ perSecond: n }, takes);
      expect(waits.filter((wait) => wait === "ok")).toHaveLength(n);
      expect(waits.at(-1)).toBe(Math.ceil(1000 / n - 0.5));
    }
  },
);

test.each<[string, RateState, number]>([
  ["today's count", { tat: noon, day: Math.floor(noon / 86_400_000), count: 1 }, midnight + 60_000],
  ["a debt over midnight", { tat: midnight + 5000, day: Math.floor(noon / 86_400_000), count: 1 }, midnight + 65_000],
])("%s lapses when nobody's clock needs it", (_, state, at) => expect(lapsesAt(state)).toBe(at));
