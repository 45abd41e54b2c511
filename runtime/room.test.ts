import { describe, expect, test } from "vitest";
import { createRoom } from "./room.ts";
import { nextTurn } from "./turn.ts";

const never = new AbortController().signal;

/** Notes the names of those who got in, in order. */
function visitors(most: number) {
  const room = createRoom(most);
  const seen: string[] = [];
  const enter = async (name: string, octets: number, signal: AbortSignal = never): Promise<void> => {
    seen.push((await room.enter(octets, signal)) ? name : `not ${name}`);
  };
  return { room, seen, enter: (...of: Parameters<typeof enter>) => void enter(...of) };
}

describe("a room", () => {
  test("lets in what fits, and the rest when others leave", async () => {
    const { room, seen, enter } = visitors(10);
    for (const name of ["a", "b", "c"]) enter(name, 5);
    await nextTurn();
    expect(seen).toEqual(["a", "b"]);
    room.leave(5);
    await nextTurn();
    expect(seen).toEqual(["a", "b", "c"]);
  });

  test("lets in alone what is larger than all of it", async () => {
    const { room, seen, enter } = visitors(10);
    enter("small", 1);
    enter("huge", 25);
    enter("next", 1);
    await nextTurn();
    expect(seen).toEqual(["small"]);
    room.leave(1);
    await nextTurn();
    expect(seen).toEqual(["small", "huge"]);
    room.leave(25);
    await nextTurn();
    expect(seen).toEqual(["small", "huge", "next"]);
  });

  test("passes nobody by who waits, however small the next one is", async () => {
    const { room, seen, enter } = visitors(10);
    enter("a", 6);
    enter("large", 8);
    enter("small", 1);
    await nextTurn();
    expect(seen).toEqual(["a"]);
    room.leave(6);
    await nextTurn();
    expect(seen).toEqual(["a", "large", "small"]);
  });

  test("lets go whoever is called away, and takes nothing for it", async () => {
    const { room, seen, enter } = visitors(10);
    const away = new AbortController();
    enter("a", 6);
    enter("large", 10, away.signal);
    enter("small", 4);
    away.abort();
    enter("late", 1, away.signal);
    await nextTurn();
    expect(seen.toSorted()).toEqual(["a", "not large", "not late", "small"]);
    enter("b", 1);
    room.leave(6);
    await nextTurn();
    expect(seen.at(-1)).toBe("b");
  });
});

test("places are given in the order of asking, and those who leave the line get none", async () => {
  const room = createRoom(2);
  const { signal } = new AbortController();
  const leaving = new AbortController();
  const got: string[] = [];
  const take = async (name: string, by = signal): Promise<void> => {
    got.push(`${name} ${await room.enter(1, by)}`);
  };
  await Promise.all([take("a"), take("b")]);
  const waiting = [take("c"), take("d", leaving.signal), take("e")];
  leaving.abort();
  await waiting[1];
  expect(got).toEqual(["a true", "b true", "d false"]);
  room.leave(1);
  await waiting[0];
  room.leave(1);
  await waiting[2];
  expect(got.slice(3)).toEqual(["c true", "e true"]);
  room.leave(1);
  room.leave(1);
  await Promise.all([take("f"), take("g")]);
  expect(got.slice(5)).toEqual(["f true", "g true"]);
  expect(await room.enter(1, leaving.signal)).toBe(false);
});
