import { expect, test } from "vitest";
import { restartAfter } from "./restart.ts";

const cases = [
  { name: "the first end", row: 0, lived: 5, want: { row: 1, delay: 0, again: false } },
  { name: "one that had lived", row: 7, lived: 10_000, want: { row: 1, delay: 0, again: false } },
  { name: "the second of a row", row: 1, lived: 9999, want: { row: 2, delay: 250, again: false } },
  { name: "the third", row: 2, lived: 0, want: { row: 3, delay: 500, again: true } },
  { name: "the fourth", row: 3, lived: 0, want: { row: 4, delay: 1000, again: true } },
  { name: "one of many", row: 40, lived: 0, want: { row: 41, delay: 30_000, again: true } },
  { name: "one of very many", row: 4000, lived: 0, want: { row: 4001, delay: 30_000, again: true } },
];

test.each(cases)("$name", ({ row, lived, want }) => expect(restartAfter(row, lived)).toEqual(want));
