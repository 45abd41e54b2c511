import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock, type Clock } from "../runtime/clock.ts";
import type { ZoneRecord } from "../test/harness/zone-data.ts";
import { startZoneServer, type ZoneServer } from "../test/harness/zone-server.ts";
import { addressGuard } from "./address-guard.ts";
import { agree } from "./authoritative-answer.ts";
import { createAuthoritativeResolver, type AuthoritativeOptions } from "./authoritative.ts";
import { dnsClient } from "./dns-client.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { RateLimit } from "./rate-limit.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const ns = (name: string, value: string): ZoneRecord => ({ name, type: "NS", value });
const a = (name: string, value: string): ZoneRecord => ({ name, type: "A", value });
const txt = (name: string, value: string | readonly string[]): ZoneRecord => ({ name, type: "TXT", value });
const cname = (name: string, value: string): ZoneRecord => ({ name, type: "CNAME", value });

/** Who serves shop.example, and who a zone that it points into. */
const delegations: readonly ZoneRecord[] = [
  ns("shop.example", "ns1.host.example"),
  ns("shop.example", "ns2.host.example"),
  ns("mail.example", "ns3.host.example"),
  a("ns1.host.example", "127.0.0.2"),
  a("ns2.host.example", "127.0.0.3"),
  a("ns3.host.example", "127.0.0.4"),
];
const selector = "s1._domainkey.shop.example";
const ns1 = "ns1.host.example (127.0.0.2)";
const ns2 = "ns2.host.example (127.0.0.3)";
const ns3 = "ns3.host.example (127.0.0.4)";

interface World {
  /** The recursive resolver's view. */
  readonly resolver: ZoneServer;
  readonly one: ZoneServer;
  readonly two: ZoneServer;
  readonly three: ZoneServer;
  readonly asked: string[];
  readonly options: AuthoritativeOptions;
}

/** A recursive resolver on 127.0.0.1, two servers of shop.example on .2 and .3, one of mail.example on .4. */
async function world(records: readonly ZoneRecord[], more: Partial<AuthoritativeOptions> = {}): Promise<World> {
  const asked: string[] = [];
  const start = async (host: string, zone: string, own: readonly ZoneRecord[], port: number): Promise<ZoneServer> => {
    const server = await startZoneServer({
      zones: [{ name: zone, ttl: 60, minimum: 30 }],
      records: own,
      host,
      port,
      onQuery: ({ name, type, transport }) => asked.push(`${host} ${transport} ${type} ${name}`),
    });
    closers.push(() => server.close());
    return server;
  };
  const resolver = await start("127.0.0.1", "example", [...delegations, ...records], 0);
  const { port } = resolver;
  const shop = records.filter(({ name }) => name.endsWith("shop.example"));
  const one = await start("127.0.0.2", "shop.example", shop, port);
  const two = await start("127.0.0.3", "shop.example", shop, port);
  const mail = records.filter(({ name }) => name.endsWith("mail.example"));
  const three = await start("127.0.0.4", "mail.example", mail, port);
  const common = { clock: systemClock, timeout: 300 };
  const recursive = dnsClient({ ...common, servers: [{ address: "127.0.0.1", port }] });
  const guard = addressGuard(["127.0.0.0/8"]);
  return {
    resolver,
    one,
    two,
    three,
    asked,
    options: { ...common, resolver: recursive, guard, deadline: 2000, port, ...more },
  };
}

function ask({ options }: World, name = selector) {
  return createAuthoritativeResolver(options).ask(name, "TXT", { transport: "TCP" });
}

describe("the servers of a zone", () => {
  test("are found by the walk and asked over TCP, without recursion", async () => {
    const it = await world([txt(selector, "v=DKIM1; p=one")]);
    const answer = await ask(it);
    const shows = { kind: "Records", values: [["v=DKIM1; p=one"]], ttl: 60 };
    expect(answer).toEqual({
      servers: [
        { server: ns1, host: "ns1.host.example", answer: shows },
        { server: ns2, host: "ns2.host.example", answer: shows },
      ],
    });
    expect(agree(answer)).toMatchObject({ kind: "Agreed", silent: [] });
    expect(it.asked.filter((line) => !line.startsWith("127.0.0.1 ")).toSorted()).toEqual([
      `127.0.0.2 TCP TXT ${selector}`,
      `127.0.0.3 TCP TXT ${selector}`,
    ]);
  });

  test("disagree while one of them lags", async () => {
    const it = await world([txt(selector, "v=DKIM1; p=one")]);
    it.two.withdraw(selector);
    expect(agree(await ask(it))).toMatchObject({
      kind: "Disagreement",
      servers: [
        { server: ns1, answer: { kind: "Records" } },
        { server: ns2, answer: { kind: "NXDomain", negativeTtl: 30 } },
      ],
    });
  });

  test.each(["ServFail", "Refused", "Silence", "Garbage", "WrongQuestion"] as const)(
    "are agreed on when the only other one fails by %s",
    async (failure) => {
      const it = await world([txt(selector, "v=DKIM1; p=one")]);
      it.two.fail(selector, failure);
      expect(agree(await ask(it))).toMatchObject({
        kind: "Agreed",
        answer: { kind: "Records" },
        silent: [{ server: ns2 }],
      });
    },
  );

  test("are unreachable when none says anything", async () => {
    const it = await world([txt(selector, "v=DKIM1; p=one")]);
    it.one.fail(selector, "ServFail");
    await it.two.close();
    closers.splice(2, 1);
    expect(agree(await ask(it))).toMatchObject({
      kind: "Unreachable",
      reason: `no name server answers: ${ns1}: SERVFAIL, and 1 more`,
    });
  });

  test("count as silent when they are lame", async () => {
    const it = await world([], {});
    it.resolver.publish(ns("other.example", "ns1.host.example"), txt("other.example", "x"));
    expect(agree(await ask(it, "other.example"))).toMatchObject({
      kind: "Unreachable",
      reason: `no name server answers: ${ns1}: REFUSED`,
    });
  });

  test("are not asked at an address that the guard refuses", async () => {
    const it = await world([txt(selector, "x")], { guard: addressGuard(["127.0.0.2/32"]) });
    expect(agree(await ask(it))).toMatchObject({
      kind: "Agreed",
      silent: [{ server: ns2, reason: "its address must not be asked: Loopback" }],
    });
    expect(it.asked.some((line) => line.startsWith("127.0.0.3"))).toBe(false);
  });

  test("may be named instead of found", async () => {
    const it = await world([txt(selector, "x")]);
    const authorities = [
      { zone: "example", servers: [{ address: "127.0.0.1", port: 9 }] },
      { zone: "shop.example", servers: [{ address: "127.0.0.3", port: it.two.port }] },
    ];
    const named = { ...it, options: { ...it.options, guard: addressGuard([]), authorities } };
    expect(await ask(named)).toMatchObject({ servers: [{ server: it.two.address, answer: { kind: "Records" } }] });
    expect(it.asked).toEqual([`127.0.0.3 TCP TXT ${selector}`]);
  });

  test("are asked over UDP where nothing is proven, and over TCP when the answer is truncated", async () => {
    const it = await world([txt("shop.example", "v=spf1 -all")]);
    it.two.fail("shop.example", "Truncate");
    const resolver = createAuthoritativeResolver(it.options);
    expect(agree(await resolver.ask("SHOP.example", "TXT", { transport: "UDP" }))).toMatchObject({
      kind: "Agreed",
      silent: [],
    });
    expect(it.asked.filter((line) => line.includes("TXT")).toSorted()).toEqual([
      "127.0.0.2 UDP TXT shop.example",
      "127.0.0.3 TCP TXT shop.example",
      "127.0.0.3 UDP TXT shop.example",
    ]);
  });
});

describe("a zone that lists very many name servers", () => {
  test.each([
    [200, "no more than 13 of them are asked", 13],
    [2000, "its answer is refused", 0],
    [10_000, "its answer does not fit into a packet", 0],
  ])("%i: %s", async (count, _, expected) => {
    const names = Array.from({ length: count }, (__, i) => `n${String(i).padStart(5, "0")}.host.example`);
    const it = await world([txt("many.example", "x")], { timeout: 1000 });
    it.resolver.publish(...names.map((name) => ns("many.example", name)));
    it.resolver.publish(...names.slice(0, 20).map((name, i) => a(name, `127.0.1.${i + 1}`)));
    const { servers } = await ask(it, "many.example");
    expect(servers.map(({ server }) => server)).toEqual(
      names.slice(0, expected).map((name, i) => `${name} (127.0.1.${i + 1})`),
    );
  });
});

describe("questions to servers that stay silent", () => {
  const deadline = 400;
  const late = { kind: "Failed", reason: `not answered within ${deadline} ms` };

  /** Asks so many times at once; how many questions were out when time was over, and what came of all. */
  async function silence(
    times: number,
    rate: RateLimit,
  ): Promise<{ readonly sent: number; readonly answers: Set<string> }> {
    const it = await world([txt(selector, "x")]);
    it.one.fail(selector, "Silence");
    it.two.fail(selector, "Silence");
    let sent = 0;
    let sentInTime: number | undefined;
    const clock: Clock = {
      ...systemClock,
      after: (delay, callback) =>
        systemClock.after(delay, () => {
          if (delay === deadline) sentInTime ??= sent;
          callback();
        }),
    };
    const random = (size: number): Uint8Array => {
      sent += 1;
      return randomBytes(size);
    };
    const servers = [it.one, it.two].map(({ address }) => parseEndpoint(address, 53));
    const authorities = [{ zone: "example", servers }];
    const resolver = createAuthoritativeResolver({
      ...it.options,
      clock,
      timeout: 5000,
      deadline,
      authorities,
      rate,
      random,
    });
    const answers = await Promise.all(
      Array.from({ length: times }, () => resolver.ask(selector, "TXT", { transport: "TCP" })),
    );
    return {
      sent: sentInTime ?? 0,
      answers: new Set(answers.flatMap((each) => each.servers.map(({ answer }) => JSON.stringify(answer)))),
    };
  }

  test("are 256 at once at most, and what waits in vain is late", async () => {
    const { sent, answers } = await silence(200, { perSecond: 1000, burst: 1000 });
    expect(sent).toBe(256);
    expect(answers).toEqual(new Set([JSON.stringify(late)]));
  });

  test("are as many to each of them as the rate allows", async () => {
    const { sent, answers } = await silence(20, { perSecond: 1, burst: 3 });
    expect(sent).toBe(2 * 3);
    expect(answers).toEqual(new Set([JSON.stringify(late)]));
  });
});

describe("an alias", () => {
  const there = txt("key.mail.example", ["v=DKIM1; ", "p=one"]);

  test("into another zone is followed to the servers of that zone", async () => {
    const it = await world([cname(selector, "key.mail.example"), there]);
    const answer = await ask(it);
    expect(answer.servers).toEqual([
      { server: ns3, host: "ns3.host.example", answer: { kind: "Records", values: [["v=DKIM1; ", "p=one"]], ttl: 60 } },
    ]);
  });

  test("does not let a server speak for a zone that is not its own", async () => {
    const it = await world([cname(selector, "key.mail.example"), there]);
    const lie = [cname(selector, "key.mail.example"), txt("key.mail.example", "v=DKIM1; p=forged")];
    it.one.fail(selector, { lie });
    it.two.fail(selector, { lie });
    expect(agree(await ask(it))).toMatchObject({ answer: { values: [["v=DKIM1; ", "p=one"]] } });
  });

  test("that only one server shows is a disagreement", async () => {
    const it = await world([cname(selector, "key.mail.example"), there]);
    it.two.withdraw(selector);
    expect(agree(await ask(it))).toMatchObject({
      kind: "Disagreement",
      servers: [
        { server: ns1, answer: { kind: "Records" } },
        { server: ns2, answer: { kind: "NXDomain" } },
      ],
    });
  });

  test("whose target is in dispute is no agreement with a server that has the record itself", async () => {
    const it = await world([txt(selector, "v=DKIM1; p=one"), txt("key.lag.shop.example", "v=DKIM1; p=one")]);
    it.two.withdraw(selector);
    it.two.publish(cname(selector, "key.lag.shop.example"));
    it.two.withdraw("key.lag.shop.example");
    expect(agree(await ask(it))).toMatchObject({
      kind: "Disagreement",
      servers: [
        { server: ns1, answer: { kind: "Records" } },
        { server: `${ns2} by way of ${ns1}`, answer: { kind: "Records" } },
        { server: `${ns2} by way of ${ns2}`, answer: { kind: "NXDomain" } },
      ],
    });
  });

  test("keeps what was silent on the way", async () => {
    const it = await world([cname(selector, "key.mail.example"), there]);
    it.one.fail(selector, "ServFail");
    expect(agree(await ask(it))).toMatchObject({ kind: "Agreed", silent: [{ server: ns1, reason: "SERVFAIL" }] });
  });

  test.each<[string, readonly ZoneRecord[], RegExp]>([
    ["of itself", [cname(selector, selector)], /loop/],
    ["in a loop of two", [cname(selector, "b.mail.example"), cname("b.mail.example", selector)], /loop/],
    [
      "in a chain of ten",
      Array.from({ length: 10 }, (_, i) => cname(i === 0 ? selector : `a${i}.shop.example`, `a${i + 1}.shop.example`)),
      /more than 8 aliases/,
    ],
  ])("%s ends", async (_, records, reason) => {
    const answer = agree(await ask(await world(records)));
    expect(answer.kind === "Unreachable" && answer.reason).toMatch(reason);
  });

  test("at the name is not taken for the top of a zone", async () => {
    const it = await world([cname("www.shop.example", "mail.example"), txt("mail.example", "x")]);
    const { servers } = await ask(it, "www.shop.example");
    expect(servers).toMatchObject([{ server: ns3, answer: { kind: "Records" } }]);
    expect(it.asked).toContain("127.0.0.2 TCP TXT www.shop.example");
  });
});
