import { expect, test } from "vitest";
import { workersReadiness } from "./workers-readiness.ts";

const well = { ready: true, reasons: [], notes: ["durability: Verified"] };
const ill = { ready: false, reasons: ["the store cannot be written"], notes: ["durability: Verified"] };

const cases = [
  {
    name: "all work",
    answers: [well, well],
    want: { ready: true, working: 2, reasons: [], notes: ["durability: Verified"] },
  },
  {
    name: "one is being replaced",
    answers: [well, undefined],
    want: {
      ready: true,
      working: 1,
      reasons: [],
      notes: ["durability: Verified", "worker 2: starts, or gives no sign"],
    },
  },
  {
    name: "one cannot write",
    answers: [ill, well],
    want: {
      ready: true,
      working: 1,
      reasons: [],
      notes: ["durability: Verified", "worker 1: the store cannot be written"],
    },
  },
  {
    name: "none works",
    answers: [ill, undefined],
    want: {
      ready: false,
      working: 0,
      reasons: ["worker 1: the store cannot be written", "worker 2: starts, or gives no sign"],
      notes: ["durability: Verified"],
    },
  },
];

test.each(cases)("$name", ({ answers, want }) =>
  expect(workersReadiness(answers.map((answer, i) => ({ number: i + 1, process: i, answer })))).toEqual(want),
);
