import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agree, type Agreement } from "../../net/authoritative-answer.ts";
import { createAuthoritativeResolver, type AuthoritativeResolver } from "../../net/authoritative.ts";
import { dnsClient } from "../../net/dns-client.ts";
import { systemClock } from "../../runtime/clock.ts";
import { knotd, startKnot, type Knot } from "../harness/knot.ts";

/** Longer than a UDP answer may be. */
const long = Array.from({ length: 12 }, (_, i) => `big TXT "${String.fromCharCode(97 + i).repeat(200)}"`);
const lines = [
  'plain TXT "v=DKIM1; p=one"',
  'split TXT "v=DKIM1; " "p=o" "ne"',
  'two TXT "one"',
  'two TXT "two"',
  '*.wild TXT "for all"',
  "*.walias CNAME plain",
  "alias CNAME second",
  "second CNAME plain",
  "outside CNAME plain.other.example.",
  "loop CNAME pool",
  "pool CNAME loop",
  'deep.empty TXT "x"',
  "child NS ns.child",
  "ns.child A 127.0.0.1",
  ...long,
];

const records = (...texts: readonly (readonly string[])[]): unknown => ({
  kind: "Agreed",
  answer: { kind: "Records", values: texts },
});
const silent = (reason: RegExp): unknown => ({ kind: "Unreachable", reason: expect.stringMatching(reason) });

describe.skipIf(knotd === undefined)("a real name server's answers are understood", () => {
  const knots: Knot[] = [];
  let resolver: AuthoritativeResolver;

  beforeAll(async () => {
    const shop = await startKnot(knotd ?? "", "shop.example");
    knots.push(shop);
    const other = await startKnot(knotd ?? "", "other.example");
    knots.push(other);
    await Promise.all([shop.load(lines), other.load(['plain TXT "elsewhere"'])]);
    resolver = createAuthoritativeResolver({
      // Nothing is walked to: the zones' servers are named.
      resolver: dnsClient({ servers: [{ address: "127.0.0.1", port: 9 }], timeout: 50, clock: systemClock }),
      guard: () => "Loopback",
      clock: systemClock,
      timeout: 2000,
      deadline: 10_000,
      authorities: [
        { zone: "shop.example", servers: [shop] },
        { zone: "other.example", servers: [other] },
      ],
    });
  });
  afterAll(() => Promise.all(knots.map((knot) => knot.close())));

  test.each<[what: string, name: string, expected: unknown]>([
    ["a record", "plain", records(["v=DKIM1; p=one"])],
    ["a record of several strings", "split", records(["v=DKIM1; ", "p=o", "ne"])],
    ["a wildcard", "any.wild", records(["for all"])],
    ["a wildcard of aliases", "any.walias", records(["v=DKIM1; p=one"])],
    ["a chain of aliases", "alias", records(["v=DKIM1; p=one"])],
    ["an alias into another zone", "outside", records(["elsewhere"])],
    ["a name that does not exist", "nothing", { kind: "Agreed", answer: { kind: "NXDomain", negativeTtl: 1 } }],
    ["a name with names below it alone", "empty", { kind: "Agreed", answer: { kind: "NoData", negativeTtl: 1 } }],
    ["a loop of aliases", "loop", silent(/a loop of aliases/)],
    ["a name that is delegated", "www.child", silent(/referral/)],
  ])("%s", async (_, name, expected) => {
    for (const transport of ["TCP", "UDP"] as const)
      expect(agree(await resolver.ask(`${name}.shop.example`, "TXT", { transport }))).toMatchObject(expected as object);
  });

  test("several records, in any order", async () => {
    const answer: Agreement<"TXT"> = agree(await resolver.ask("two.shop.example", "TXT", { transport: "TCP" }));
    if (answer.kind !== "Agreed" || answer.answer.kind !== "Records") throw new Error("no records");
    expect(answer.answer.values.map((strings) => strings.join("")).toSorted()).toEqual(["one", "two"]);
  });

  test("an answer that is truncated over UDP is whole over TCP", async () => {
    const answer = agree(await resolver.ask("big.shop.example", "TXT", { transport: "UDP" }));
    expect(answer.kind === "Agreed" && answer.answer.kind === "Records" && answer.answer.values.length).toBe(12);
  });

  test("a name in any case", async () => {
    expect(agree(await resolver.ask("PLAIN.Shop.example", "TXT", { transport: "UDP" }))).toMatchObject(
      records(["v=DKIM1; p=one"]) as object,
    );
  });
});
