import { describe, expect, test } from "vitest";
import {
  holderOf,
  leads,
  nextStep,
  releasedLease,
  saw,
  usualTiming,
  wrote,
  type Election,
  type Lease,
} from "./lease.ts";

const me = { identity: "a_1", timing: usualTiming };
const at = (now: number) => ({ now, wallClock: Date.UTC(2026, 10, 1, 12, 0, 0, 7) });
const time = "2026-11-01T12:00:00.007000Z";
const lease = (holderIdentity: string | undefined, resourceVersion = "1", more: Lease["spec"] = {}): Lease => ({
  metadata: { resourceVersion },
  spec: {
    ...(holderIdentity !== undefined && { holderIdentity }),
    leaseDurationSeconds: 15,
    acquireTime: "2020-01-01T00:00:00.000000Z",
    renewTime: "2099-01-01T00:00:00.000000Z",
    leaseTransitions: 4,
    ...more,
  },
});
const seen = (what: Lease, since = 0): Election => saw({}, what, since);

describe("the next step", () => {
  const cases: readonly [what: string, election: Election, now: number, step: "Wait" | "Create" | "Replace"][] = [
    ["nothing there", {}, 0, "Create"],
    ["a lease of nobody", seen(lease("")), 0, "Replace"],
    ["a lease without a holder", seen(lease(undefined)), 0, "Replace"],
    ["an empty lease", seen({ metadata: { resourceVersion: "1" } }), 0, "Replace"],
    ["another holds it, first seen now", seen(lease("b_1"), 100), 100, "Wait"],
    ["another holds it, a moment before its time is over", seen(lease("b_1"), 100), 15_099, "Wait"],
    ["another held it and did not renew it for all its time", seen(lease("b_1"), 100), 15_100, "Replace"],
    ["another holds it for longer", seen(lease("b_1", "1", { leaseDurationSeconds: 60 })), 59_999, "Wait"],
    ["the same name in a process before this one", seen(lease("a_0")), 1000, "Wait"],
    ["an own lease of which the answer was lost", seen(lease("a_1")), 1000, "Replace"],
    ["another's was deleted under it", saw(seen(lease("b_1")), undefined, 2000), 14_999, "Wait"],
    ["another's was deleted long ago", saw(seen(lease("b_1")), undefined, 2000), 15_000, "Create"],
    ["an own one was deleted", saw(wrote(lease("a_1"), 0, usualTiming), undefined, 2000), 2000, "Create"],
  ];
  test.each(cases)("%s", (_what, election, now, expected) => {
    const step = nextStep(election, me, at(now));
    expect(step.kind === "Wait" ? "Wait" : step.replaces ? "Replace" : "Create").toBe(expected);
  });

  test("a renewal that is seen again and again stays as old as it is, a new one starts the time anew", () => {
    const first = saw(seen(lease("b_1"), 0), lease("b_1"), 14_000);
    expect(nextStep(first, me, at(15_000)).kind).toBe("Write");
    const renewed = saw(first, lease("b_1", "2"), 14_000);
    expect(nextStep(renewed, me, at(28_999))).toEqual({ kind: "Wait", holder: "b_1" });
  });

  test("taking a lease counts a transition, renewing keeps when it was taken; members of others are kept", () => {
    const taken = { holderIdentity: "a_1", leaseDurationSeconds: 15, renewTime: time };
    expect(nextStep({}, me, at(0))).toEqual({
      kind: "Write",
      spec: { ...taken, acquireTime: time, leaseTransitions: 0 },
    });
    const free = { ...lease("", "7"), spec: { ...lease("").spec, strategy: "OldestEmulationVersion" } };
    expect(nextStep(seen(free), me, at(0))).toEqual({
      kind: "Write",
      spec: { ...taken, acquireTime: time, leaseTransitions: 5, strategy: "OldestEmulationVersion" },
      replaces: free,
    });
    expect(nextStep(wrote(lease("a_1"), 0, usualTiming), me, at(2000))).toMatchObject({
      spec: { ...taken, acquireTime: "2020-01-01T00:00:00.000000Z", leaseTransitions: 4 },
    });
  });
});

test("a holder works until ten seconds after it began its last renewal, whatever it reads", () => {
  const election = wrote(lease("a_1"), 1000, usualTiming);
  expect([leads({}, 0), leads(election, 10_999), leads(election, 11_000)]).toEqual([false, true, false]);
  expect(leads(saw(election, lease("a_1", "9"), 9000), 11_000)).toBe(false);
  expect(holderOf(election)).toBe("a_1");
});

test("only an own lease is given back", () => {
  expect(releasedLease(seen(lease("b_1")), "a_1", 0)).toBeUndefined();
  expect(releasedLease({}, "a_1", 0)).toBeUndefined();
  const back = releasedLease(wrote(lease("a_1"), 0, usualTiming), "a_1", 0);
  expect(back?.spec).toMatchObject({ holderIdentity: "", leaseDurationSeconds: 1, leaseTransitions: 4 });
  expect(nextStep(seen(back ?? lease("?")), { ...me, identity: "b_1" }, at(0)).kind).toBe("Write");
});
