import { expect, test, vi } from "vitest";
import type { Clock } from "../runtime/clock.ts";
import { createWorkQueue, mostAtOnce, type WorkQueueOptions } from "./work-queue.ts";

/** A clock whose time passes when the test says so. */
function handClock(): Clock & { readonly pass: (time: number) => Promise<void> } {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  return {
    now: () => now,
    after(delay, fire) {
      const timer = { at: now + delay, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    sleep: () => Promise.reject(new Error("unused")),
    async pass(time) {
      now += time;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.fire();
      }
      await turns();
    },
  };
}

/** Lets everything run that waits for nothing. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function setUp(work: WorkQueueOptions["work"], more: Partial<WorkQueueOptions> = {}) {
  const clock = handClock();
  const errors: string[] = [];
  const queue = createWorkQueue({
    work,
    onError: (key, _, retryAfter) => errors.push(`${key} ${retryAfter}`),
    clock,
    random: () => 0,
    inFlight: 1,
    firstRetry: 100,
    longestRetry: 1000,
    ...more,
  });
  return { clock, errors, queue };
}

test("what goes first does so, however many others wait, and once more when it changed meanwhile", async () => {
  const done: string[] = [];
  const work = (key: string): Promise<undefined> => {
    done.push(key);
    if (done.length === 2) for (const each of ["d", "c!", "a!"]) queue.add(each);
    return Promise.resolve(undefined);
  };
  const { queue } = setUp(work, { goesFirst: (key) => key.endsWith("!") });
  for (const key of ["a", "b", "c", "a!", "b!"]) queue.add(key);
  expect([queue.depth(), ...queue.running()]).toEqual([3, "a", "a!"]);
  await turns();
  await turns();
  expect(done).toEqual(["a", "a!", "b!", "c!", "a!", "b", "c", "d"]);
  expect(queue.depth()).toBe(0);
});

test("a key is worked on once however often it is asked for", async () => {
  const done: string[] = [];
  const { queue } = setUp((key) => {
    done.push(key);
    return Promise.resolve(undefined);
  });
  queue.add("a");
  queue.add("b");
  queue.add("b");
  expect(done).toEqual([]);
  await turns();
  expect(done).toEqual(["a", "b"]);
  expect(queue.depth()).toBe(0);
});

test("a key that is asked for while it is worked on is worked on again, never twice at once", async () => {
  let open: (() => void)[] = [];
  let at = 0;
  let most = 0;
  const { queue } = setUp(
    async () => {
      most = Math.max(most, ++at);
      await new Promise<void>((resolve) => open.push(resolve));
      at -= 1;
      return undefined;
    },
    { inFlight: 5 },
  );
  queue.add("a");
  await turns();
  queue.add("a");
  queue.add("a");
  await turns();
  expect(open).toHaveLength(1);
  for (const resolve of open.splice(0)) resolve();
  await turns();
  expect(open).toHaveLength(1);
  for (const resolve of open.splice(0)) resolve();
  await turns();
  expect([open.length, most]).toEqual([0, 1]);
  open = [];
});

test("no more keys are worked on at once than said", async () => {
  const open: (() => void)[] = [];
  const { queue } = setUp(
    async () => {
      await new Promise<void>((resolve) => open.push(resolve));
      return undefined;
    },
    { inFlight: 2 },
  );
  for (const key of ["a", "b", "c"]) queue.add(key);
  await turns();
  expect(open).toHaveLength(2);
  expect([queue.depth(), ...queue.running()]).toEqual([1, "a", "b"]);
  open[0]?.();
  await turns();
  expect(open).toHaveLength(3);
});

test("a failing key is retried with growing pauses, which its own events do not shorten", async () => {
  let runs = 0;
  const { queue, clock, errors } = setUp(() => {
    runs += 1;
    return runs < 7 ? Promise.reject(new Error("no")) : Promise.resolve(undefined);
  });
  queue.add("a");
  await turns();
  queue.add("a");
  await turns();
  expect(runs).toBe(1);
  for (const pause of [100, 200, 400, 800, 1000, 1000]) {
    await clock.pass(pause - 1);
    queue.add("a");
    await clock.pass(1);
  }
  expect(runs).toBe(7);
  expect(errors).toEqual(["a 100", "a 200", "a 400", "a 800", "a 1000", "a 1000"]);
  queue.add("a");
  await turns();
  expect(runs).toBe(8);
});

test("a key that fails and is wanted otherwise is tried at once, and once, then as before", async () => {
  let version = "1";
  let whileTried: (() => void) | undefined;
  const tried: string[] = [];
  const work = (): Promise<never> => {
    tried.push(version);
    whileTried?.();
    return Promise.reject(new Error("no"));
  };
  const { queue, clock, errors } = setUp(work, { versionOf: () => version });
  const asks = async (): Promise<void> => {
    for (let time = 0; time < 3; time++) queue.add("a");
    await turns();
  };
  await asks();
  version = "2";
  await asks();
  await asks();
  expect(tried).toEqual(["1", "2"]);
  whileTried = () => {
    [version, whileTried] = ["3", undefined];
    queue.add("a");
  };
  await clock.pass(200);
  await asks();
  expect(tried).toEqual(["1", "2", "2", "3"]);
  await clock.pass(799);
  await asks();
  expect(errors).toEqual(["a 100", "a 200", "a 400", "a 800"]);
  await clock.pass(1);
  expect(tried).toHaveLength(5);
});

test("work may ask to be done again later, once", async () => {
  let runs = 0;
  const { queue, clock } = setUp(() => Promise.resolve(++runs === 1 ? 500 : undefined));
  queue.add("a");
  await turns();
  await clock.pass(499);
  expect(runs).toBe(1);
  await clock.pass(1);
  expect(runs).toBe(2);
  await clock.pass(5000);
  expect(runs).toBe(2);
});

test("stop waits for what was begun and begins nothing; nobody waits in the line then", async () => {
  const open: (() => void)[] = [];
  let runs = 0;
  const { queue, clock } = setUp(async () => {
    runs += 1;
    await new Promise<void>((resolve) => open.push(resolve));
    return 10;
  });
  queue.add("a");
  queue.add("b");
  await turns();
  queue.add("a");
  const stopped = queue.stop();
  queue.add("c");
  expect([queue.depth(), ...queue.running()]).toEqual([0, "a"]);
  open[0]?.();
  await stopped;
  await clock.pass(5000);
  expect(runs).toBe(1);
  expect(queue.depth()).toBe(0);
});

test("what is asked for within a delay is worked on once for all who ask, and never later than was set before", async () => {
  const done: string[] = [];
  const { queue, clock } = setUp((key) => {
    done.push(`${key} ${clock.now()}`);
    return Promise.resolve(undefined);
  });
  queue.addAfter("soon", 50);
  for (const key of ["a", "soon"]) queue.addWithin(key, 100);
  await clock.pass(60);
  for (const key of ["a", "soon"]) queue.addWithin(key, 100);
  await clock.pass(40);
  await clock.pass(60);
  expect(done).toEqual(["soon 60", "a 100", "soon 160"]);
});

test("what goes first waits for nothing that takes long", async () => {
  const begun: string[] = [];
  const { queue } = setUp(
    (key) => {
      begun.push(key);
      return new Promise(() => undefined);
    },
    { inFlight: 2, goesFirst: (key) => key.endsWith("!") },
  );
  for (const key of ["a", "b", "c", "a!", "b!", "c!"]) queue.add(key);
  await turns();
  expect(begun).toEqual(["a", "b", "a!", "b!"]);
  expect(begun).toHaveLength(mostAtOnce(2, true));
});

test("what was begun goes on before what was not, and stands in one line", async () => {
  const done: string[] = [];
  const { queue } = setUp((key) => {
    done.push(key);
    return Promise.resolve(undefined);
  });
  for (const key of ["a", "b", "c", "d"]) queue.add(key);
  for (const key of ["c", "x"]) queue.goOn(key);
  queue.add("c");
  await turns();
  await turns();
  expect(done).toEqual(["a", "c", "x", "b", "d"]);
});

test("between many keys that wait for nobody timers fire", async () => {
  const done: string[] = [];
  const { queue } = setUp(
    (key) => {
      done.push(key);
      return Promise.resolve(undefined);
    },
    { inFlight: 16 },
  );
  let seen = 0;
  setTimeout(() => (seen = done.length), 0);
  for (let key = 0; key < 10_000; key++) queue.add(`key-${key}`);
  await vi.waitFor(() => expect(done).toHaveLength(10_000), 20_000);
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThan(5000);
});
