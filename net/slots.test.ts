import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";

test("places are given in the order of asking, and those who leave the line get none", async () => {
  const slots = createSlots(2);
  const { signal } = new AbortController();
  const leaving = new AbortController();
  const got: string[] = [];
  const take = async (name: string, by = signal): Promise<void> => {
    got.push(`${name} ${await slots.take(by)}`);
  };
  await Promise.all([take("a"), take("b")]);
  const waiting = [take("c"), take("d", leaving.signal), take("e")];
  leaving.abort();
  await waiting[1];
  expect(got).toEqual(["a true", "b true", "d false"]);
  slots.release();
  await waiting[0];
  slots.release();
  await waiting[2];
  expect(got.slice(3)).toEqual(["c true", "e true"]);
  slots.release();
  slots.release();
  await Promise.all([take("f"), take("g")]);
  expect(got.slice(5)).toEqual(["f true", "g true"]);
  expect(await slots.take(leaving.signal)).toBe(false);
});
