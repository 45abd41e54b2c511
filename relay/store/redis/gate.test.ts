import { describe, expect, test } from "vitest";
import { createGate } from "./gate.ts";

/** Time that passes when it is told to. */
function timers(): { after: (delay: number, callback: () => void) => () => void; pass: () => void } {
  const waiting = new Set<() => void>();
  return {
    after: (_delay, callback) => {
      waiting.add(callback);
      return () => void waiting.delete(callback);
    },
    pass: () => {
      for (const callback of waiting) callback();
      waiting.clear();
    },
  };
}

describe("the gate", () => {
  test("lets as many in as there is room for, in the order in which they came", async () => {
    const gate = createGate({ calls: 2, octets: 100, waiting: 10 }, timers());
    const order: string[] = [];
    const first = await gate.enter(10, 1000);
    const second = await gate.enter(10, 1000);
    const third = gate.enter(95, 1000).then((leave) => (order.push("third"), leave));
    const fourth = gate.enter(1, 1000).then((leave) => (order.push("fourth"), leave));
    first();
    first();
    await Promise.resolve();
    expect(order).toEqual([]);
    second();
    (await third)();
    (await fourth)();
    expect(order).toEqual(["third", "fourth"]);
    expect(gate.running).toBe(0);
  });

  test("lets one in that is larger than all the room, alone", async () => {
    const gate = createGate({ calls: 2, octets: 100, waiting: 10 }, timers());
    const leave = await gate.enter(1000, 1000);
    const next = gate.enter(1, 1000);
    leave();
    (await next)();
    expect(gate.running).toBe(0);
  });

  test("turns away who waited too long, and at once who is one too many", async () => {
    const time = timers();
    const gate = createGate({ calls: 1, octets: 100, waiting: 1 }, time);
    const leave = await gate.enter(1, 1000);
    const late = gate.enter(1, 1000);
    await expect(gate.enter(1, 1000)).rejects.toThrow(/too much waits/);
    time.pass();
    await expect(late).rejects.toThrow(/no turn/);
    leave();
    (await gate.enter(1, 1000))();
  });
});
