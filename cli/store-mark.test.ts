import { expect, test } from "vitest";
import type { MoveMark } from "../relay/store/transfer.ts";
import { planMove } from "./store-mark.ts";

const mark = (kind: MoveMark["kind"], move: string, place: string): MoveMark => ({ kind, move, place, at: 0 });

const plans: readonly [what: string, from: MoveMark | undefined, to: MoveMark | undefined, plan: unknown][] = [
  ["a first run", undefined, undefined, { kind: "Begin" }],
  ["a store that had arrived itself", mark("ArrivedFrom", "0", "C"), undefined, { kind: "Begin" }],
  ["a run killed between the marks", mark("MovedTo", "1", "B"), undefined, { kind: "Begin", move: "1" }],
  ["a run killed on the way", mark("MovedTo", "1", "B"), mark("ArrivingFrom", "1", "A"), { kind: "Resume", move: "1" }],
  ["a move that is over", mark("MovedTo", "1", "B"), mark("ArrivedFrom", "1", "A"), { kind: "Done" }],
  ["a source that went elsewhere", mark("MovedTo", "1", "C"), undefined, { why: expect.stringContaining("to C") }],
  ["a source that is not whole", mark("ArrivingFrom", "1", "C"), undefined, { why: expect.stringContaining("end") }],
  ["a target of another move", undefined, mark("ArrivingFrom", "2", "C"), { why: expect.stringContaining("another") }],
  ["a target that went elsewhere", undefined, mark("MovedTo", "2", "C"), { why: expect.stringContaining("no place") }],
  [
    "a source unmarked meanwhile",
    undefined,
    mark("ArrivingFrom", "1", "A"),
    { why: expect.stringContaining("empty it") },
  ],
];
test.each(plans)("%s", (_, from, to, plan) => {
  expect(planMove({ place: "A", mark: from }, { place: "B", mark: to })).toMatchObject(plan as object);
});
