import { describe, expect, test } from "vitest";
import { StoreUnavailable } from "../store/store.ts";
import { createLogger } from "../../runtime/log.ts";
import { claimsOnce, configWith, startWorld, takeOver } from "../../test/harness/deliverer-world.ts";

const broken = (): Promise<never> => Promise.reject(new Error("a record is damaged"));

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
    const world = await startWorld({}, { lease: "300ms" });
    const { spool } = world.store;
    const taken: unknown[] = [];
    let held = 0;
    world.sink.behave(async ({ stage }) => {
      if (stage !== "MESSAGE") return undefined;
      await world.clock.sleep(1000);
      held = world.clock.now() - (world.deliverer.holdsSince ?? Infinity);
      taken.push(...(await spool.claim(world.clock.now(), 10, 1000)));
      return undefined;
    });
    await world.accept("m1");
    expect(await world.told(1)).toEqual(["delivered Delivered"]);
    expect(taken).toEqual([]);
    expect(held).toBeGreaterThanOrEqual(999);
    await expect.poll(() => world.deliverer.holdsSince).toBeUndefined();
  });

  test("withholds the final dot while the store cannot say that the lease is still its own", async () => {
    const world = await startWorld({}, { lease: "60ms", attemptTimeout: "5s" });
    const config = configWith({ port: world.sink.port, lease: "60ms", retry: { delays: ["1h"], jitter: 0 } });
    await takeOver(world, { ...claimsOnce(world.store.spool), renew: broken }, { config });
    world.sink.behave(async ({ stage }) => {
      if (stage === "DATA") await world.clock.sleep(50);
      return undefined;
    });
    expect(await world.told(1)).toEqual(["deferred LeaseLost"]);
    expect(world.sink.received).toEqual([]);
  });

  test("writes what became of a delivery when the store is back, though its lease has lapsed", async () => {
    const world = await startWorld();
    const { spool } = world.store;
    let [away, tries] = [false, 0];
    const answers = <T>(call: () => Promise<T>): Promise<T> =>
      away ? Promise.reject(new StoreUnavailable("away")) : call();
    const deliverer = await takeOver(world, {
      claim: (...args) => answers(() => spool.claim(...args)),
      nextDue: () => answers(() => spool.nextDue()),
      renew: (...args) => answers(() => spool.renew(...args)),
      settle(...args) {
        tries += 1;
        return answers(() => spool.settle(...args));
      },
    });
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

  test.each([
    [
      "is somebody else's or was written long ago",
      () => Promise.resolve(false),
      /not this relay's any more: another has/,
    ],
    ["is refused", broken, /not written: it is tried again/],
    ["is not answered", () => Promise.reject(new StoreUnavailable("away")), /was not confirmed before the end/],
  ])("the log says what is true of an outcome that %s, and no event tells it", async (_, settle, words) => {
    const world = await startWorld();
    const lines: string[] = [];
    const log = createLogger({ level: "warn", destination: { write: (line) => void lines.push(line) } });
    let tries = 0;
    const counted = (): Promise<boolean> => ((tries += 1), settle());
    const config = configWith({ port: world.sink.port, lease: "400ms" });
    const deliverer = await takeOver(world, { ...claimsOnce(world.store.spool), settle: counted }, { log, config });
    await expect.poll(() => tries > 1 || (tries === 1 && deliverer.running === 0)).toBe(true);
    await deliverer.stop(0);
    expect(world.events).toEqual([]);
    expect(lines.filter((line) => line.includes('"level":40') || line.includes('"level":"warn"'))).toEqual([
      expect.stringMatching(words),
    ]);
  });

  test("does not wait for a store that is away when it is to end", async () => {
    const world = await startWorld();
    let tries = 0;
    const settle = (): Promise<boolean> => {
      tries += 1;
      return Promise.reject(new StoreUnavailable("away"));
    };
    const deliverer = await takeOver(world, { settle });
    await expect.poll(() => tries, { timeout: 10_000 }).toBeGreaterThan(3);
    // The next try would be two seconds later.
    const asked = world.clock.now();
    await deliverer.stop(0);
    expect(world.clock.now() - asked).toBeLessThan(1500);
    expect(world.events).toEqual([]);
  });

  test("asks no more often than at first for what the store refuses for another reason", async () => {
    const world = await startWorld();
    const { spool } = world.store;
    let [claims, tries] = [0, 0];
    const deliverer = await takeOver(world, {
      claim(...args) {
        claims += 1;
        return spool.claim(...args);
      },
      settle() {
        tries += 1;
        return Promise.reject(new Error("a record is damaged"));
      },
    });
    await expect.poll(() => tries).toBe(1);
    await expect.poll(() => (deliverer.wake(), claims), { interval: 1 }).toBeGreaterThan(20);
    expect(tries).toBeLessThan(5);
  });

  test.each([
    ["can be renewed no more", broken],
    ["is renewed all the time", () => Promise.resolve(true)],
  ])("gives up what the store refuses for another reason, when the lease is over, which %s", async (_, renew) => {
    const world = await startWorld({}, { lease: "900ms" });
    const config = configWith({ port: world.sink.port, lease: "900ms" });
    const deliverer = await takeOver(world, { ...claimsOnce(world.store.spool), renew, settle: broken }, { config });
    await expect.poll(() => deliverer.running).toBe(1);
    await expect.poll(() => deliverer.running, { timeout: 5000 }).toBe(0);
    expect(world.events).toEqual([]);
  });
});
