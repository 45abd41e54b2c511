import { expect, test } from "vitest";
import { countConnections, emptyTally, octetBudget, refuseTally } from "./limits.ts";
import * as replies from "./replies.ts";

test("connections are counted in all and by address, and given back", () => {
  const counter = countConnections({ connections: 3, connectionsPerAddress: 2 });
  expect(["a", "a", "a", "b", "c"].map((address) => counter.admit(address))).toEqual([
    undefined,
    undefined,
    replies.tooManyConnectionsFromAddress,
    undefined,
    replies.tooManyConnections,
  ]);
  counter.release("a");
  counter.release("c");
  expect([counter.total(), counter.admit("c"), counter.total()]).toEqual([2, undefined, 3]);
});

test("octets are taken whole or not at all", () => {
  const budget = octetBudget(10);
  expect([budget.take(6), budget.take(5), budget.take(4), budget.taken()]).toEqual([true, false, true, 10]);
  budget.give(6);
  expect([budget.take(6), budget.taken()]).toEqual([true, 10]);
});

const limits = { failedAuthentications: 3, messagesPerConnection: 2, idleCommands: 5 };

test.each([
  [{}, undefined],
  [{ failedAuthentications: 2, messages: 1, idleCommands: 5, unknownCommands: 9 }, undefined],
  [{ failedAuthentications: 3 }, replies.tooManyFailedAuthentications],
  [{ messages: 2 }, replies.tooManyMessages],
  [{ idleCommands: 6 }, replies.tooManyCommands],
  [{ unknownCommands: 10 }, replies.tooManyErrors],
])("%j", (changes, expected) => {
  expect(refuseTally({ ...emptyTally, ...changes }, limits)).toBe(expected);
});
