import { expect, test } from "vitest";
import { systemClock } from "../../runtime/clock.ts";
import { formatQueueId, queueIds } from "./queue-id.ts";

test("an id is the time and chance", () => {
  expect(formatQueueId(0, new Uint8Array(11))).toBe("00000000000000000000");
  expect(formatQueueId(1_795_000_000_000, new Uint8Array(11).fill(255))).toBe("1m7q5cqg0zzzzzzzzzzz");
});

test("ids sort by time, and do not run back when the clock does", () => {
  const times = [5, 1000, 32, 33];
  const now = (): number => times.shift() ?? 0;
  const next = queueIds({ ...systemClock, now });
  const ids = [next(), next(), next(), next()].map((id) => id.slice(0, 9));
  expect(ids).toEqual(["000000005", "0000000z8", "0000000z8", "0000000z8"]);
});

test("ids of one millisecond differ", () => {
  const next = queueIds({ ...systemClock, now: () => 1 });
  expect(new Set(Array.from({ length: 1000 }, next)).size).toBe(1000);
});
