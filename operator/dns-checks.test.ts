import { expect, test } from "vitest";
import type { AuthoritativeAnswer } from "../net/authoritative-answer.ts";
import type { AuthoritativeResolver } from "../net/authoritative.ts";
import type { Answer, RecordType, Resolver } from "../net/resolver.ts";
import { systemClock } from "../runtime/clock.ts";
import { createManualClock } from "../test/harness/manual-clock.ts";
import { createDnsChecks } from "./dns-checks.ts";
import type { DomainEvidence } from "./sending-domain/evidence.ts";
import { lookUpIn } from "./sending-domain/related-evidence.ts";
import { compareSpf } from "./sending-domain/spf-record.ts";
import { nextTurn } from "../runtime/turn.ts";

const resolver: Resolver = {
  resolve: <T extends RecordType>(): Promise<Answer<T>> =>
    Promise.resolve({ kind: "Failed", reason: "not to be asked" }),
};

/** Two servers; the second one lags behind at `late.shop.example`, and its SOA allows more. */
function say(name: string, type: RecordType): unknown[] {
  if (type === "SOA")
    return [30, 90].map((minimum, i) => ({
      server: `ns${i}`,
      answer: { kind: "Records", values: [{ primary: "ns0", serial: i, minimum }], ttl: 3600 },
    }));
  const shows = { kind: "Records", values: [["x"]], ttl: 60 };
  return [
    { server: "ns0", answer: shows },
    { server: "ns1", answer: name.startsWith("late.") ? { kind: "NXDomain", negativeTtl: 5 } : shows },
  ];
}

function twoServers(asked: string[]): AuthoritativeResolver {
  return {
    ask<T extends RecordType>(name: string, type: T, { transport }: { transport: string }) {
      asked.push(`${transport} ${type} ${name}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type was asked for
      return Promise.resolve({ servers: say(name, type) } as unknown as AuthoritativeAnswer<T>);
    },
  };
}

test("authoritative servers are asked instead of the resolver, over TCP, and what they show becomes evidence", async () => {
  const asked: string[] = [];
  const evidence = await new Promise<DomainEvidence>((resolve, reject) => {
    const checks = createDnsChecks({
      resolver,
      authoritative: twoServers(asked),
      clock: systemClock,
      random: () => 0,
      onEvidence: (key) => resolve(checks.evidence(key)),
      onError: (_, error) => reject(error instanceof Error ? error : new Error(String(error))),
      pace: { missingInterval: 60_000, missingIntervalMax: 900_000 },
      inFlight: 1,
    });
    checks.schedule("a", {
      names: ["late.shop.example", "s._domainkey.shop.example"],
      zone: "shop.example",
      checkAt: 0,
    });
  });
  expect(asked.toSorted()).toEqual([
    "TCP SOA shop.example",
    "TCP TXT late.shop.example",
    "TCP TXT s._domainkey.shop.example",
  ]);
  expect(evidence.negativeTtl).toBe(90);
  expect(evidence.names.get("s._domainkey.shop.example")?.answer).toMatchObject({ kind: "Records" });
  expect(evidence.names.get("late.shop.example")?.answer).toMatchObject({ kind: "Disagreement" });
});

test.each([
  ["authoritative servers", { authoritative: twoServers([]) }],
  ["a resolver", {}],
])("of a clock that is set forward between two checks by %s no more than two pauses count", async (_, asked) => {
  const clock = createManualClock(1_000_000_000_000);
  let seen: (() => void) | undefined;
  const shows: Resolver = {
    resolve<T extends RecordType>(_name: string, type: T): Promise<Answer<T>> {
      if (type !== "TXT") return Promise.resolve({ kind: "NoData" });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of this type
      return Promise.resolve({ kind: "Records", values: [["x"]], ttl: 60 } as unknown as Answer<T>);
    },
  };
  const checks = createDnsChecks({
    resolver: shows,
    ...asked,
    clock,
    random: () => 0,
    onEvidence: () => seen?.(),
    onError: () => undefined,
    pace: { missingInterval: 60_000, missingIntervalMax: 900_000 },
    inFlight: 1,
  });
  const name = "s._domainkey.shop.example";
  const check = async (): Promise<void> => {
    const brought = new Promise<void>((resolve) => (seen = resolve));
    checks.schedule("a", { names: [name], zone: "shop.example", checkAt: 0 });
    await clock.advance(0);
    await brought;
  };
  await check();
  clock.jump(86_400_000);
  await check();
  expect(checks.evidence("a").names.get(name)).toMatchObject({ shownFor: 120_000, confirmedAt: clock.now() });
  await checks.stop();
});

test("whoever includes a chain of names that answer slowly keeps other domains waiting for 20 s at most", async () => {
  const clock = createManualClock(1_000_000_000_000);
  const start = clock.now();
  const asked: string[] = [];
  let seen: ((key: string) => void) | undefined;
  const slow: Resolver = {
    async resolve<T extends RecordType>(name: string, type: T, signal?: AbortSignal): Promise<Answer<T>> {
      asked.push(name);
      const depth = Number(/^slow([0-9]+)\./.exec(name)?.[1] ?? 0);
      if (depth > 0) await clock.sleep(3000, signal).catch(() => undefined);
      if (signal?.aborted) return { kind: "Failed", reason: "aborted" };
      const values = [[`v=spf1 include:slow${depth + 1}.example -all`]];
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of this type
      return (type === "TXT" ? { kind: "Records", values, ttl: 60 } : { kind: "NoData" }) as unknown as Answer<T>;
    },
  };
  const checks = createDnsChecks({
    resolver: slow,
    clock,
    random: () => 0,
    onEvidence: (key) => seen?.(key),
    onError: () => undefined,
    pace: { missingInterval: 60_000, missingIntervalMax: 900_000 },
    inFlight: 1,
  });
  const spf = { include: "_spf.relay.example.net", qualifier: "SoftFail" } as const;
  const policies = { domain: "shop.example", spf, dmarc: { policy: "None", testing: "Disabled" } } as const;
  const done = new Promise<void>((resolve) => (seen = (key) => void (key === "honest" && resolve())));
  const zone = "shop.example";
  checks.schedule("slow", { names: [zone], zone, policies, checkAt: 0 });
  checks.schedule("honest", { names: ["honest.example"], zone: "honest.example", checkAt: 0 });
  // The clock stands still until the first check has begun.
  await nextTurn();
  for (let passed = 0; passed < 40 && !asked.includes("honest.example"); passed++) await clock.advance(1000);
  await done;
  expect(clock.now() - start).toBeLessThan(22_000);
  const evidence = checks.evidence("slow");
  expect(evidence.related?.get("TXT slow6.example")?.answer.kind).toBe("Records");
  expect(evidence.related?.get("TXT slow7.example")?.answer).toMatchObject({ reason: "not answered within 20000 ms" });
  const shown = evidence.names.get(zone)?.answer;
  if (shown === undefined || shown.kind === "Disagreement") throw new Error("nothing is shown");
  // What is not known is said to be so: nobody is told to merge what may be there.
  expect(compareSpf(spf, shown, { domain: zone, lookUp: lookUpIn(evidence) }).verdict).toBe("Unknown");
  await checks.stop();
});
