import { describe, expect, test } from "vitest";
import type { Answer } from "../../net/resolver.ts";
import { byRank, mostHosts, planMx, shuffle } from "./mx.ts";

/** Chance that always takes the first, or the last, of what is left. */
const first = (): number => 0;
const last = (): number => 0.999;

function mx(...records: readonly (readonly [number, string])[]): Answer<"MX"> {
  return { kind: "Records", values: records.map(([preference, exchange]) => ({ preference, exchange })), ttl: 60 };
}

describe("planMx", () => {
  test.each<[string, Answer<"MX">, unknown]>([
    [
      "hosts by preference",
      mx([20, "b.example"], [10, "a.example"], [30, "c.example"]),
      { hosts: ["a.example", "b.example", "c.example"] },
    ],
    ["one host named twice", mx([10, "a.example"], [20, "a.example"]), { hosts: ["a.example"] }],
    ["the domain itself without MX records", { kind: "NoData" }, { hosts: ["example.com"] }],
    ["a null MX", mx([0, ""]), { failure: { kind: "Permanent", class: "NoMailAccepted", enhanced: "5.1.10" } }],
    ["a null MX beside a host", mx([0, ""], [10, "a.example"]), { hosts: ["a.example"] }],
    [
      "hosts that are none",
      mx([0, "localhost"], [1, "192.0.2.1"], [2, "a b.example"], [3, "mx_1.example"]),
      { failure: { kind: "Permanent", class: "NoRoute", enhanced: "5.4.4" } },
    ],
    ["a host among them", mx([0, "192.0.2.1"], [10, "a.example"]), { hosts: ["a.example"] }],
    ["no such domain", { kind: "NXDomain" }, { failure: { kind: "Permanent", enhanced: "5.1.2" } }],
    ["no answer", { kind: "Failed", reason: "SERVFAIL" }, { failure: { kind: "Temporary", enhanced: "4.4.3" } }],
  ])("%s", (_, answer, want) => expect(planMx("example.com", answer, first)).toMatchObject(want as object));

  test("at most so many hosts", () => {
    const records = Array.from({ length: 50 }, (_, i) => [i, `mx${i}.example`] as const);
    const plan = planMx("example.com", mx(...records), first);
    expect(plan.kind === "Hosts" && plan.hosts).toHaveLength(mostHosts);
  });

  test("equals are shuffled, and only they", () => {
    const answer = mx([10, "a.example"], [10, "b.example"], [5, "c.example"]);
    expect(planMx("example.com", answer, first)).toMatchObject({ hosts: ["c.example", "a.example", "b.example"] });
    expect(planMx("example.com", answer, last)).toMatchObject({ hosts: ["c.example", "b.example", "a.example"] });
  });
});

describe("byRank and shuffle", () => {
  test("keep every item once", () => {
    expect(shuffle([1, 2, 3, 4], () => 0.5).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    expect(byRank([3, 1, 2], (n) => n, last)).toEqual([1, 2, 3]);
    expect(shuffle([], first)).toEqual([]);
  });
});
