import { expect, test } from "vitest";
import { startRounds } from "./rounds.ts";
import { nextTurn } from "./turn.ts";

/** A clock whose one timer is fired by hand. */
function handClock() {
  const state: { due: (() => void) | undefined; delays: number[] } = { due: undefined, delays: [] };
  const after = (delay: number, callback: () => void) => {
    state.delays.push(delay);
    state.due = callback;
    return () => (state.due = undefined);
  };
  const fire = async (): Promise<void> => {
    state.due?.();
    await nextTurn();
  };
  return { after, fire, state };
}

test("a round runs at once, and again when the interval has passed since its end", async () => {
  const clock = handClock();
  const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let begun = 0;
  const stop = startRounds({ clock, interval: 7, round: () => ends[begun++]?.promise ?? Promise.resolve() });
  expect([begun, clock.state.due]).toEqual([1, undefined]);
  ends[0]?.resolve();
  await nextTurn();
  expect(clock.state.delays).toEqual([7]);
  await clock.fire();
  expect(begun).toBe(2);
  let stopped = false;
  const stopping = stop().then(() => (stopped = true));
  await nextTurn();
  expect(stopped).toBe(false);
  ends[1]?.resolve();
  await stopping;
  expect([begun, clock.state.delays]).toEqual([2, [7]]);
});

test("the first one may wait, and never come", async () => {
  const clock = handClock();
  let begun = 0;
  const round = async (): Promise<void> => void (begun += 1);
  const stop = startRounds({ clock, interval: 7, delay: 3, round });
  expect([begun, clock.state.delays]).toEqual([0, [3]]);
  await clock.fire();
  expect([begun, clock.state.delays]).toEqual([1, [3, 7]]);
  await stop();
  expect(clock.state.due).toBeUndefined();
});
