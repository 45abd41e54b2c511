import { expect, test } from "vitest";
import { serverClock } from "./server-clock.ts";

test("a server that said nothing has no clock", () => {
  const clock = serverClock();
  expect(clock.at(5)).toBeUndefined();
  clock.hear(100, 0, 10);
  clock.forget();
  expect(clock.at(5)).toBeUndefined();
});

test("the middle between question and answer is when it was said", () => {
  const clock = serverClock();
  clock.hear(1000, 0, 100);
  expect(clock.at(50)).toBe(1000);
});

test("the quickest answer is believed, the latest of equal ones, and none for ever", () => {
  const clock = serverClock();
  clock.hear(1000, 0, 10);
  clock.hear(5000, 0, 2000);
  expect(clock.at(5)).toBe(1000);
  clock.hear(2000, 0, 10);
  expect(clock.at(5)).toBe(2000);
  for (let i = 0; i < 10; i += 1) clock.hear(3000, 0, 500);
  expect(clock.at(250)).toBe(3000);
});
