import fc from "fast-check";
import type { Credits, TopUp } from "../../../contract/credits.ts";
import type { RateLimit } from "../../../contract/rates.ts";
import { day, minute } from "./fixture.ts";

/** Courses of things that may happen to a store, for two engines to be compared by. */
const hour = 60 * minute;
export const tenants = ["a/shop", "b/shop"];
const names = ["used", "period", "constructor", "spring"];
const limitKeys = ["tenant/a/shop", "address/192.0.2.1", "credential/web"];

const upTo = (max: number): fc.Arbitrary<number> => fc.nat(max);
const credits: fc.Arbitrary<Credits> = fc.oneof(
  fc.constant<Credits>({ type: "Unlimited" }),
  fc.record({ type: fc.constant("OneTime" as const), amount: upTo(30) }),
  fc.record({
    type: fc.constant("Recurring" as const),
    amount: upTo(20),
    reset: fc.constantFrom("Daily", "Weekly", "Monthly"),
  }),
);
/** `expiresAt` counts from the time of the step. */
const topUps: fc.Arbitrary<TopUp[]> = fc.uniqueArray(
  fc.record(
    { name: fc.constantFrom(...names), amount: upTo(9), expiresAt: fc.constantFrom(-1, 0, 1, hour, day) },
    { requiredKeys: ["name", "amount"] },
  ),
  { maxLength: 3, selector: ({ name }) => name },
);
const rates: fc.Arbitrary<RateLimit[]> = fc.uniqueArray(
  fc.record(
    {
      key: fc.constantFrom(...limitKeys),
      perSecond: fc.constantFrom(1, 3, 7, 0.4),
      perDay: fc.integer({ min: 1, max: 15 }),
    },
    { requiredKeys: ["key"] },
  ),
  { maxLength: 2, selector: ({ key }) => key },
);

const accept = fc.record({
  kind: fc.constant("accept" as const),
  /** An id that came before, counted from the latest, or a new one. */
  again: fc.option(upTo(3), { nil: undefined, freq: 6 }),
  tenant: fc.constantFrom(...tenants),
  domains: fc.integer({ min: 1, max: 3 }),
  each: fc.integer({ min: 1, max: 3 }),
  behind: fc.constantFrom(0, 0, 0, 0, 5, 400, hour, 3 * day),
  free: fc.constantFrom(false, false, false, true),
  /** What the contract says at that time: one of the few that the course has. */
  allowance: upTo(1),
  rates,
  rated: upTo(3),
  size: upTo(50),
  spoolLimit: fc.option(upTo(300), { nil: undefined, freq: 3 }),
});
const step = fc.oneof(
  { weight: 6, arbitrary: accept },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      limit: fc.integer({ min: 1, max: 5 }),
      lease: upTo(2 * hour),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("renew" as const), claimed: upTo(9), until: upTo(hour) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      claimed: upTo(9),
      again: fc.option(upTo(hour), { nil: undefined }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("retry" as const), id: fc.option(upTo(5), { nil: undefined }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("admits" as const), rates }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("time" as const), behind: upTo(2000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("noteKeyUse" as const), key: upTo(2), behind: fc.constantFrom(0, hour) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("keep" as const), id: upTo(9), environment: upTo(1), size: upTo(30) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("prune" as const),
      most: upTo(3),
      octets: fc.constantFrom(0, 20, 60, 99),
      retention: fc.constantFrom(minute, day),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      time: fc.oneof(
        upTo(3),
        upTo(1500),
        fc.constantFrom(minute, hour, 12 * hour, 12 * hour - 1, day, 7 * day, 31 * day),
      ),
    }),
  },
);
export const course = fc.record({
  allowances: fc.tuple(fc.record({ credits, topUps }), fc.record({ credits, topUps })),
  steps: fc.array(step, { minLength: 8, maxLength: 30 }),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
export type Course = typeof course extends fc.Arbitrary<infer T> ? T : never;
