import { expect, test } from "vitest";
import { roomOf } from "./room.ts";

const mebi = 2 ** 20;

/** Writes of 1 MiB that find room one after the other, none of them over before the last has begun. */
function fits(disk: { free: number; size: number }, unused = 0): number {
  const room = roomOf({ disk: () => disk, unused: () => unused });
  let count = 0;
  while (count < 1000 && room.take(mebi)) count += 1;
  return count;
}

test.each([
  { name: "a large disk", free: 164, size: 100_000, unused: 0, want: 98 },
  { name: "a small disk", free: 20, size: 100, unused: 0, want: 9 },
  { name: "a full disk", free: 0, size: 100, unused: 0, want: 0 },
  { name: "a full disk and a file that was larger", free: 0, size: 100, unused: 20, want: 9 },
  { name: "a disk with a little left and a file that was larger", free: 10.5, size: 100, unused: 20, want: 9 },
  { name: "a reserve that others have used up", free: 5, size: 100, unused: 0, want: 0 },
])("$name has room for $want", ({ free, size, unused, want }) => {
  expect(fits({ free: free * mebi, size: size * mebi }, unused * mebi)).toBe(want);
});

test("what was written counts on the disk, not twice", () => {
  const disk = { free: 20 * mebi, size: 100 * mebi };
  const room = roomOf({ disk: () => disk, unused: () => 0 });
  let count = 0;
  while (count < 1000 && room.take(mebi)) {
    count += 1;
    disk.free -= mebi;
    room.give(mebi);
  }
  expect(count).toBe(9);
});

test("room that comes back is found at once, room that others take soon", () => {
  const disk = { free: 0, size: 100 * mebi };
  const room = roomOf({ disk: () => disk, unused: () => 0 });
  expect(room.take(1)).toBe(false);
  disk.free = 90 * mebi;
  expect(room.take(1)).toBe(true);
  disk.free = 0;
  expect(Array.from({ length: 100 }, () => room.take(1)).lastIndexOf(true)).toBeLessThan(16);
});
