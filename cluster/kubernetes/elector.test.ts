import fc from "fast-check";
import { Registry } from "prom-client";
import { pino } from "pino";
import { expect, test } from "vitest";
import { createLeaseServer, type LeaseServer, type RequestFate } from "../../test/harness/lease-server.ts";
import { createManualClock, type ManualClock } from "../../test/harness/manual-clock.ts";
import { ApiError } from "./api-error.ts";
import { startElector, type Elector } from "./elector.ts";

interface Standing {
  readonly elector: Elector;
  /** `leading`, `aborted` and `stopped`, as they came. */
  readonly said: string[];
  /** Warnings and errors, as lines. */
  readonly logged: string[];
}

function world() {
  const clock = createManualClock(Date.UTC(2026, 10, 1));
  const start = clock.now();
  const server = createLeaseServer(clock);
  let jumped = 0;
  return {
    clock,
    server,
    /** Sets the wall clock alone. */
    jump(by: number) {
      jumped += by;
      clock.jump(by);
    },
    elapsed: () => clock.now() - start - jumped,
  };
}
type World = ReturnType<typeof world>;

function stand(
  { clock, server, elapsed }: { clock: ManualClock; server: LeaseServer; elapsed: () => number },
  identity: string,
  fate: () => RequestFate = () => ({ delay: 0 }),
  more: { readonly metrics?: Registry; readonly work?: () => void } = {},
): Standing {
  const said: string[] = [];
  const logged: string[] = [];
  const elector = startElector({
    api: server.client(fate),
    namespace: "posthouse-system",
    name: "posthouse-operator",
    identity,
    clock,
    elapsed,
    random: () => 0,
    log: pino({ level: "warn" }, { write: (line: string) => void logged.push(line) }),
    ...(more.metrics && { metrics: more.metrics }),
    onStartedLeading(signal) {
      more.work?.();
      said.push("leading");
      signal.addEventListener("abort", () => said.push("aborted"));
    },
    onStoppedLeading: () => said.push("stopped"),
  });
  return { elector, said, logged };
}

/** Moves time on until something has happened. */
async function until({ clock }: World, what: Promise<unknown>): Promise<void> {
  const pending = Symbol("pending");
  const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve, pending));
  while ((await Promise.race([what, turn()])) === pending) await clock.advance(50);
}

const stopAll = (w: World, ...standing: readonly Standing[]): Promise<void> =>
  until(w, Promise.all(standing.map(({ elector }) => elector.stop())));

test("one leads and renews every two seconds; the other stands by and takes over within a retry when the lease is given back", async () => {
  const w = world();
  const metrics = new Registry();
  const a = stand(w, "a", undefined, { metrics });
  await w.clock.advance(100);
  const b = stand(w, "b");
  await w.clock.advance(60_000);
  expect([a.said, b.said]).toEqual([["leading"], []]);
  expect([a.elector.isLeading(), b.elector.isLeading(), b.elector.holder()]).toEqual([true, false, "a"]);
  expect(await metrics.metrics()).toContain('leader_election_master_status{name="posthouse-operator"} 1');
  const renewals = w.server.arrived().filter((method) => method === "PUT").length;
  expect(renewals).toBeGreaterThanOrEqual(29);
  expect(renewals).toBeLessThanOrEqual(31);

  await stopAll(w, a);
  expect(w.server.spec()).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1 });
  expect(a.said).toEqual(["leading"]);
  await w.clock.advance(2500);
  expect(b.elector.isLeading()).toBe(true);
  expect(w.server.spec()).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  await stopAll(w, b);
});

test("a leader cut off from the server stops after ten seconds, before another takes over at fifteen", async () => {
  const w = world();
  let isCutOff = false;
  const a = stand(w, "a", () => (isCutOff ? { delay: 0, fails: "Before" } : { delay: 0 }));
  await w.clock.advance(100);
  const b = stand(w, "b");
  await w.clock.advance(4000);
  isCutOff = true;
  await w.clock.advance(7900);
  expect([a.said, a.elector.isLeading()]).toEqual([["leading"], true]);
  await w.clock.advance(2200);
  expect([a.said, a.elector.isLeading()]).toEqual([["leading", "aborted", "stopped"], false]);
  expect(b.said).toEqual([]);
  await w.clock.advance(8000);
  expect(b.said).toEqual(["leading"]);
  isCutOff = false;
  await w.clock.advance(30_000);
  expect(a.said).toEqual(["leading", "aborted", "stopped"]);
  await stopAll(w, a, b);
  expect(w.server.spec()).toMatchObject({ holderIdentity: "" });
});

test("a server that takes every request and answers none ends the leader all the same", async () => {
  const w = world();
  let hangs = false;
  const a = stand(w, "a", () => ({ delay: hangs ? 1e9 : 0 }));
  await w.clock.advance(100);
  hangs = true;
  await w.clock.advance(12_100);
  expect(a.said).toEqual(["leading", "aborted", "stopped"]);
  await stopAll(w, a);
});

test("a leader whose connection falls silent renews by another in time, on a server that is slow too", async () => {
  const w = world();
  const fates: RequestFate[] = [];
  const a = stand(w, "a", () => fates.shift() ?? { delay: 0 });
  await w.clock.advance(3000);
  fates.push({ delay: 1e9 }, { delay: 2000 });
  const before = w.server.arrived().length;
  await w.clock.advance(20_000);
  expect([a.said, a.elector.isLeading()]).toEqual([["leading"], true]);
  expect(w.server.arrived().length - before).toBeLessThan(10);
  await stopAll(w, a);
});

test("a leader whose work cannot begin says why, gives the Lease back and ends", async () => {
  const w = world();
  const a = stand(w, "a", undefined, {
    work: () => {
      throw new Error("metric registered twice");
    },
  });
  await w.clock.advance(100);
  expect([a.said, a.elector.isLeading()]).toEqual([["stopped"], false]);
  expect(a.logged).toEqual([expect.stringMatching(/"level":50.*metric registered twice/)]);
  expect(w.server.spec()).toMatchObject({ holderIdentity: "" });
  const b = stand(w, "b");
  await w.clock.advance(2500);
  expect(b.said).toEqual(["leading"]);
  const writes = w.server.arrived().length;
  await stopAll(w, a);
  expect(w.server.arrived()).toHaveLength(writes);
  await stopAll(w, b);
});

test("setting the wall clock neither ends a leader nor makes one", async () => {
  const w = world();
  const a = stand(w, "a");
  await w.clock.advance(100);
  const b = stand(w, "b");
  for (const jump of [3_600_000, -7_200_000]) {
    w.jump(jump);
    await w.clock.advance(20_000);
  }
  expect([a.said, b.said]).toEqual([["leading"], []]);
  await stopAll(w, a, b);
});

test("a leader whose Lease is deleted makes it anew, and nobody comes between", async () => {
  const w = world();
  const a = stand(w, "a");
  await w.clock.advance(100);
  const b = stand(w, "b");
  await w.clock.advance(5000);
  w.server.remove();
  await w.clock.advance(20_000);
  expect([a.said, b.said, w.server.spec()?.["holderIdentity"]]).toEqual([["leading"], [], "a"]);
  await stopAll(w, a, b);
});

test("a frozen process knows at once that its time is over", async () => {
  const w = world();
  let frozen = 0;
  const a = stand({ ...w, elapsed: () => w.elapsed() + frozen }, "a");
  await w.clock.advance(1000);
  expect(a.elector.isLeading()).toBe(true);
  frozen = 20_000;
  expect(a.elector.isLeading()).toBe(false);
  await stopAll(w, a);
});

test("who stands in a namespace that is not there says so once, and leads when it is made", async () => {
  const w = world();
  let isThere = false;
  const server: LeaseServer = {
    ...w.server,
    client: (of) => ({
      async request(request) {
        if (isThere) return w.server.client(of).request(request);
        await w.clock.sleep(10);
        throw new ApiError("namespaces not found", { code: 404, reason: "NotFound" });
      },
    }),
  };
  const a = stand({ ...w, server }, "a");
  await w.clock.advance(20_000);
  expect(a.logged.map((line) => /namespaces not found/.test(line))).toEqual([true]);
  isThere = true;
  await w.clock.advance(5000);
  expect(a.said).toEqual(["leading"]);
  await stopAll(w, a);
});

const fate: fc.Arbitrary<RequestFate> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ delay: fc.integer({ min: 0, max: 300 }) }) },
  { weight: 3, arbitrary: fc.record({ delay: fc.integer({ min: 0, max: 12_000 }) }) },
  { weight: 1, arbitrary: fc.record({ delay: fc.constant(100), fails: fc.constantFrom("Before", "After") }) },
);
const disturbance = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("Wait" as const), time: fc.integer({ min: 10, max: 9000 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "Stop" as const, time: 0 }) },
  { weight: 1, arbitrary: fc.constant({ kind: "Join" as const, time: 0 }) },
  // The first candidate is cut off, or no more.
  { weight: 3, arbitrary: fc.constant({ kind: "Cut" as const, time: 0 }) },
);

test("whatever the network does, there are never two who may work", async () => {
  let elected = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { minLength: 3, maxLength: 40 }),
      fc.array(disturbance, { minLength: 5, maxLength: 25 }),
      async (fates, disturbances) => {
        const w = world();
        let asked = 0;
        const next = (): RequestFate => fates[asked++ % fates.length]!;
        let isCutOff = false;
        const cut = (): RequestFate => (isCutOff ? { delay: 0, fails: "Before" } : next());
        const standing = [stand(w, "p0", cut)];
        await w.clock.advance(5000);
        standing.push(stand(w, "p1", next));
        const leaders = () => standing.filter(({ elector }) => elector.isLeading()).length;
        for (const { kind, time } of disturbances) {
          if (kind === "Join") standing.push(stand(w, `p${standing.length}`, next));
          if (kind === "Cut") isCutOff = !isCutOff;
          if (kind === "Stop") void standing[asked % standing.length]!.elector.stop();
          for (let passed = 0; passed < time; passed += 500) {
            await w.clock.advance(Math.min(500, time - passed));
            expect(leaders()).toBeLessThanOrEqual(1);
          }
        }
        elected += standing.filter(({ said }) => said.includes("leading")).length;
        await stopAll(w, ...standing);
      },
    ),
    { numRuns: 60 },
  );
  expect(elected).toBeGreaterThan(60);
});
