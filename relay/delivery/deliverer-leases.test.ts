import { describe, expect, test } from "vitest";
import { StoreUnavailable } from "../store/store.ts";
import { startDeliverer } from "./deliverer.ts";
import { configWith, closers, startWorld } from "../../test/harness/deliverer-world.ts";

describe("a deliverer and its leases", () => {
  test("says nothing of a delivery whose lease it lost", async () => {
    const world = await startWorld({}, { attemptTimeout: "5s" });
    world.sink.behave(async ({ stage }) => {
      if (stage !== "RCPT") return undefined;
      world.sink.behave(undefined);
      // While the hop thinks, the lease lapses and somebody else claims the delivery.
      await world.store.spool.claim(world.clock.now() + 3_600_000, 10, 1000);
      return undefined;
    });
    await world.accept("m1");
    await world.sink.waitFor((sink) => sink.received.length === 1);
    await expect.poll(() => world.deliverer.running).toBe(0);
    expect(world.events).toEqual([]);
    expect(await world.store.queue.list(10)).toHaveLength(1);
  });

  test("keeps what it works on for as long as that takes, much longer than a lease", async () => {
    const world = await startWorld({}, { lease: "90ms" });
    const { spool } = world.store;
    const taken: unknown[] = [];
    let held = 0;
    world.sink.behave(async ({ stage }) => {
      if (stage !== "MESSAGE") return undefined;
      await world.clock.sleep(400);
      held = world.clock.now() - (world.deliverer.holdsSince ?? Infinity);
      taken.push(...(await spool.claim(world.clock.now(), 10, 1000)));
      return undefined;
    });
    await world.accept("m1");
    expect(await world.told(1)).toEqual(["delivered Delivered"]);
    expect(taken).toEqual([]);
    expect(held).toBeGreaterThanOrEqual(399);
    await expect.poll(() => world.deliverer.holdsSince).toBeUndefined();
  });

  test("withholds the final dot while the store cannot say that the lease is still its own", async () => {
    const world = await startWorld({}, { lease: "60ms", attemptTimeout: "5s" });
    await world.deliverer.stop();
    await world.accept("m1");
    const { spool } = world.store;
    let claims = 0;
    const deliverer = startDeliverer({
      ...world.options,
      spool: {
        ...spool,
        claim: (...args) => (claims++ === 0 ? spool.claim(...args) : Promise.resolve([])),
        renew: () => Promise.reject(new Error("no store")),
      },
      config: configWith({ port: world.sink.port, lease: "60ms", retry: { delays: ["1h"], jitter: 0 } }),
    });
    closers.push(() => deliverer.stop(0));
    world.sink.behave(async ({ stage }) => {
      if (stage === "DATA") await world.clock.sleep(50);
      return undefined;
    });
    expect(await world.told(1)).toEqual(["deferred LeaseLost"]);
    expect(world.sink.received).toEqual([]);
  });

  test("writes what became of a delivery when the store is back, though its lease has lapsed", async () => {
    const world = await startWorld();
    await world.deliverer.stop();
    await world.accept("m1");
    const { spool } = world.store;
    let [away, tries] = [false, 0];
    const answers = <T>(call: () => Promise<T>): Promise<T> =>
      away ? Promise.reject(new StoreUnavailable("away")) : call();
    const deliverer = startDeliverer({
      ...world.options,
      spool: {
        ...spool,
        claim: (...args) => answers(() => spool.claim(...args)),
        nextDue: () => answers(() => spool.nextDue()),
        renew: (...args) => answers(() => spool.renew(...args)),
        settle(...args) {
          tries += 1;
          return answers(() => spool.settle(...args));
        },
      },
    });
    closers.push(() => deliverer.stop(0));
    world.sink.behave(({ stage }) => {
      away ||= stage === "MESSAGE";
      return undefined;
    });
    await world.sink.waitFor((sink) => sink.received.length === 1);
    await expect.poll(() => tries, { timeout: 10_000 }).toBeGreaterThan(0);
    world.clock.offset = 600_000;
    expect(await world.store.queue.list(9)).toMatchObject([{ leased: false }]);
    expect(deliverer.running).toBe(1);
    away = false;
    world.sink.behave(undefined);
    deliverer.wake();
    expect(await world.told(1)).toEqual(["delivered Delivered"]);
    expect(world.sink.received).toHaveLength(1);
    expect(await world.store.queue.list(9)).toEqual([]);
  });

  test("does not wait for a store that is away when it is to end", async () => {
    const world = await startWorld();
    await world.deliverer.stop();
    await world.accept("m1");
    const { spool } = world.store;
    let tries = 0;
    const settle = (): Promise<boolean> => {
      tries += 1;
      return Promise.reject(new StoreUnavailable("away"));
    };
    const deliverer = startDeliverer({ ...world.options, spool: { ...spool, settle } });
    await expect.poll(() => tries, { timeout: 10_000 }).toBeGreaterThan(3);
    // The next try would be two seconds later.
    const asked = world.clock.now();
    await deliverer.stop(0);
    expect(world.clock.now() - asked).toBeLessThan(1500);
    expect(world.events).toEqual([]);
  });

  test("asks no more often than at first for what the store refuses for another reason", async () => {
    const world = await startWorld();
    await world.deliverer.stop();
    await world.accept("m1");
    const { spool } = world.store;
    let [claims, tries] = [0, 0];
    const deliverer = startDeliverer({
      ...world.options,
      spool: {
        ...spool,
        claim(...args) {
          claims += 1;
          return spool.claim(...args);
        },
        settle() {
          tries += 1;
          return Promise.reject(new Error("a record is damaged"));
        },
      },
    });
    closers.push(() => deliverer.stop(0));
    await expect.poll(() => tries).toBe(1);
    await expect.poll(() => (deliverer.wake(), claims), { interval: 1 }).toBeGreaterThan(20);
    expect(tries).toBeLessThan(5);
  });

  test.each([
    ["can be renewed no more", () => Promise.reject(new Error("a record is damaged"))],
    ["is renewed all the time", () => Promise.resolve(true)],
  ])("gives up what the store refuses for another reason, when the lease is over, which %s", async (_, renew) => {
    const world = await startWorld({}, { lease: "900ms" });
    await world.deliverer.stop();
    await world.accept("m1");
    const { spool } = world.store;
    let claims = 0;
    const deliverer = startDeliverer({
      ...world.options,
      spool: {
        ...spool,
        claim: (...args) => (claims++ === 0 ? spool.claim(...args) : Promise.resolve([])),
        renew,
        settle: () => Promise.reject(new Error("a record is damaged")),
      },
      config: configWith({ port: world.sink.port, lease: "900ms" }),
    });
    closers.push(() => deliverer.stop(0));
    await expect.poll(() => deliverer.running).toBe(1);
    await expect.poll(() => deliverer.running, { timeout: 5000 }).toBe(0);
    expect(world.events).toEqual([]);
  });
});
