import { deepStrictEqual as same } from "node:assert/strict";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Allowance } from "../../../contract/credits.ts";
import type { Delivery, Settlement } from "../spool.ts";
import type { Store } from "../store.ts";
import { draft, noon, type StoreFixture, usedBy } from "./fixture.ts";

const allowance: Allowance = { credits: { type: "OneTime", amount: 9 }, topUps: [] };
const domains = ["example.net", "example.org", "example.com"];

type Step =
  | { readonly kind: "accept"; readonly id: string; readonly tenant: string; readonly domains: number }
  | { readonly kind: "claim"; readonly limit: number; readonly lease: number }
  | { readonly kind: "settle"; readonly claimed: number; readonly again: number | undefined }
  | { readonly kind: "retry"; readonly id: string | undefined }
  | { readonly kind: "pass"; readonly time: number }
  | { readonly kind: "reopen" };

const id = fc.constantFrom("m1", "m2", "m3", "m4", "m5", "m6");
const span = fc.integer({ min: 1, max: 40 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("accept"),
      id,
      tenant: fc.constantFrom("a/a", "b/b"),
      domains: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("claim"), limit: fc.integer({ min: 1, max: 4 }), lease: span }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("settle"),
      claimed: fc.nat(20),
      again: fc.option(span, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("retry"), id: fc.option(id, { nil: undefined }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass"), time: span }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen") }) },
) as fc.Arbitrary<Step>;

interface Row {
  readonly key: string;
  dueAt: number;
  leaseUntil: number | undefined;
  token: number;
  attempts: number;
}

/** What the queue should be, as simply as it can be said. */
interface Model {
  now: number;
  readonly billed: Set<string>;
  readonly used: Map<string, number>;
  rows: Row[];
  /** Tokens that have settled, with their keys, since it was opened. */
  readonly settled: Set<string>;
}

/** Any course of calls leaves the store as it leaves a few lines of arrays and maps. */
export function modelContract(makeFixture: () => Promise<StoreFixture>): void {
  test("behaves like a queue and an account that fit on a page", async () => {
    const steps = fc.array(step, { minLength: 10, maxLength: 40 });
    const course = fc.asyncProperty(steps, async (taken) => run(await makeFixture(), taken));
    await expect(fc.assert(course, { numRuns: 25, seed: 7 })).resolves.toBeUndefined();
  });
}

async function run(fixture: StoreFixture, steps: readonly Step[]): Promise<void> {
  const model: Model = { now: noon, billed: new Set(), used: new Map(), rows: [], settled: new Set() };
  const claimed: Delivery[] = [];
  let store = await fixture.open();
  try {
    for (const one of steps) {
      if (one.kind === "reopen") {
        await store.close();
        store = await fixture.open();
        // Whoever might have asked again is gone.
        const asked = claimed.filter(({ key, token }) => !model.settled.has(`${key} ${token}`));
        claimed.splice(0, claimed.length, ...asked);
      } else await take(one, { store, model, claimed });
      fixture.clock.at = model.now;
      await compare(store, model);
    }
  } finally {
    await store.close();
    await fixture.remove();
  }
}

interface World {
  readonly store: Store;
  readonly model: Model;
  readonly claimed: Delivery[];
}

async function take(one: Exclude<Step, { kind: "reopen" }>, world: World): Promise<void> {
  const { store, model } = world;
  switch (one.kind) {
    case "accept":
      return accept(one, world);
    case "claim": {
      const due = model.rows
        .filter((row) => free(row) <= model.now)
        .toSorted(byDue)
        .slice(0, one.limit);
      const got = await store.spool.claim(model.now, one.limit, one.lease);
      same(
        got.map((delivery) => delivery.key),
        due.map((row) => row.key),
      );
      for (const row of due) Object.assign(row, { token: row.token + 1, leaseUntil: model.now + one.lease });
      world.claimed.push(...got);
      return;
    }
    case "settle":
      return settle(one, world);
    case "retry": {
      const matching = model.rows.filter((row) => one.id === undefined || row.key.startsWith(`${one.id}/`));
      const idle = matching.filter((row) => (row.leaseUntil ?? 0) <= model.now);
      same(await store.queue.retry(model.now, one.id), idle.length);
      for (const row of idle)
        if (row.dueAt > model.now) Object.assign(row, { dueAt: model.now, leaseUntil: undefined });
      return;
    }
    case "pass":
      model.now += one.time;
  }
}

async function accept(one: Extract<Step, { kind: "accept" }>, { store, model }: World): Promise<void> {
  const to = domains.slice(0, one.domains).map((domain) => `bob@${domain}`);
  const result = await store.spool.accept(draft(one.id, { tenant: one.tenant, at: model.now, to, allowance }));
  const used = model.used.get(one.tenant) ?? 0;
  if (model.billed.has(one.id)) {
    same(result, "Accepted");
    return;
  }
  const left = 9 - used - to.length;
  same(result, left < 0 ? "Exhausted" : left === 0 ? "AcceptedLast" : "Accepted");
  if (result === "Exhausted") return;
  model.billed.add(one.id);
  model.used.set(one.tenant, used + to.length);
  for (const index of to.keys())
    model.rows.push({ key: `${one.id}/${index}`, dueAt: model.now, leaseUntil: undefined, token: 0, attempts: 0 });
}

async function settle(one: Extract<Step, { kind: "settle" }>, { store, model, claimed }: World): Promise<void> {
  const delivery = claimed[one.claimed % Math.max(1, claimed.length)];
  if (delivery === undefined) return;
  const mark = `${delivery.key} ${delivery.token}`;
  const latest = model.rows.find(({ key, token }) => key === delivery.key && token === delivery.token);
  const row = latest?.leaseUntil === undefined ? undefined : latest;
  const again = {
    recipients: delivery.recipients,
    attempts: delivery.attempts + 1,
    dueAt: model.now + (one.again ?? 0),
  };
  const settlement: Settlement = one.again === undefined ? { kind: "Done" } : { kind: "Again", ...again };
  same(await store.spool.settle(delivery, settlement), row !== undefined || model.settled.has(mark));
  if (row === undefined) return;
  model.settled.add(mark);
  if (one.again === undefined) model.rows = model.rows.filter((other) => other !== row);
  else Object.assign(row, { dueAt: again.dueAt, leaseUntil: undefined, attempts: again.attempts });
}

async function compare(store: Store, model: Model): Promise<void> {
  const rows = model.rows.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const shown = (await store.queue.list(99)).map(({ key, dueAt, attempts, leased }) => ({
    key,
    dueAt,
    attempts,
    leased,
  }));
  same(
    shown,
    rows.map(({ key, dueAt, attempts, leaseUntil }) => ({
      key,
      dueAt,
      attempts,
      leased: (leaseUntil ?? 0) > model.now,
    })),
  );
  for (const [tenant, used] of model.used) same(await usedBy(store, tenant), used);
  const alive = new Set(rows.map(({ key }) => key.slice(0, 2)));
  for (const one of model.billed) same((await store.spool.content(one)) !== undefined, alive.has(one));
  same(await store.spool.nextDue(), rows.length === 0 ? undefined : Math.min(...rows.map(free)));
}

function free(row: Row): number {
  return row.leaseUntil ?? row.dueAt;
}

function byDue(a: Row, b: Row): number {
  return free(a) - free(b) || (a.key < b.key ? -1 : 1);
}
