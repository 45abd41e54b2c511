import { once } from "node:events";
import { connect } from "node:net";
import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encode, streamDecode, streamEncode, type DecodedPacket } from "dns-packet";
import { startZoneServer, type ZoneServer } from "./zone-server.ts";
import type { ZoneQuery } from "./zone-packet.ts";
import { answer, type ZoneData } from "./zone-data.ts";

const data: ZoneData = {
  serial: 7,
  zones: [{ name: "example.com", minimum: 5, ttl: 60 }, { name: "sub.example.com" }],
  records: [
    { name: "example.com", type: "MX", value: { preference: 10, exchange: "mx.example.com" } },
    { name: "mx.example.com", type: "A", value: "127.0.0.1" },
    { name: "mx.example.com", type: "A", value: "127.0.0.2", ttl: 9 },
    { name: "www.example.com", type: "CNAME", value: "mx.example.com" },
    { name: "out.example.com", type: "CNAME", value: "www.example.net" },
    { name: "gone.example.com", type: "CNAME", value: "nothing.example.com" },
    { name: "loop.example.com", type: "CNAME", value: "loop.example.com" },
    { name: "a.b.example.com", type: "TXT", value: ["one", "two"] },
    { name: "null.example.com", type: "MX", value: { preference: 0, exchange: "." } },
    { name: "x.sub.example.com", type: "AAAA", value: "::1" },
    { name: "long.example.com", type: "TXT", value: "x".repeat(300) },
  ],
};

describe("answer", () => {
  const cases: readonly [name: string, type: string, rcode: string, answers: readonly string[], authority: boolean][] =
    [
      ["mx.example.com", "A", "NOERROR", ["mx.example.com A 60", "mx.example.com A 9"], false],
      ["MX.Example.COM.", "A", "NOERROR", ["mx.example.com A 60", "mx.example.com A 9"], false],
      ["mx.example.com", "AAAA", "NOERROR", [], true],
      ["nothing.example.com", "A", "NXDOMAIN", [], true],
      ["b.example.com", "TXT", "NOERROR", [], true],
      [
        "www.example.com",
        "A",
        "NOERROR",
        ["www.example.com CNAME 60", "mx.example.com A 60", "mx.example.com A 9"],
        false,
      ],
      ["www.example.com", "TXT", "NOERROR", ["www.example.com CNAME 60"], true],
      ["www.example.com", "CNAME", "NOERROR", ["www.example.com CNAME 60"], false],
      ["out.example.com", "A", "NOERROR", ["out.example.com CNAME 60"], false],
      ["gone.example.com", "A", "NXDOMAIN", ["gone.example.com CNAME 60"], true],
      ["loop.example.com", "A", "NOERROR", Array.from({ length: 8 }, () => "loop.example.com CNAME 60"), false],
      ["example.com", "SOA", "NOERROR", ["example.com SOA 5"], false],
      ["example.com", "A", "NOERROR", [], true],
      ["x.sub.example.com", "AAAA", "NOERROR", ["x.sub.example.com AAAA 1"], false],
      ["example.net", "A", "REFUSED", [], false],
      ["notexample.com", "A", "REFUSED", [], false],
    ];
  test.each(cases)("%s %s", (...[name, type, rcode, answers, authority]) => {
    const found = answer(data, name, type);
    expect(found.rcode).toBe(rcode);
    expect(found.answers.map((each) => `${each.name} ${each.type} ${"ttl" in each ? each.ttl : ""}`)).toEqual(answers);
    expect(found.authorities.map((each) => each.type)).toEqual(authority ? ["SOA"] : []);
    expect(found.authoritative).toBe(rcode !== "REFUSED");
  });
});

function question(id: number): Buffer {
  return streamEncode({ type: "query", id, questions: [{ type: "A", name: "mx.example.com" }] });
}

describe("a zone server", () => {
  let server: ZoneServer;
  let queries: ZoneQuery[];
  let resolver: Resolver;
  beforeEach(async () => {
    queries = [];
    server = await startZoneServer({
      zones: data.zones,
      records: data.records,
      onQuery: (query) => queries.push(query),
    });
    resolver = new Resolver({ timeout: 100, tries: 1 });
    resolver.setServers([server.address]);
  });
  afterEach(async () => {
    resolver.cancel();
    await server.close();
  });

  test("answers Node's resolver", async () => {
    expect(await resolver.resolve4("www.example.com")).toEqual(["127.0.0.1", "127.0.0.2"]);
    expect(await resolver.resolveMx("example.com")).toMatchObject([{ priority: 10, exchange: "mx.example.com" }]);
    expect(await resolver.resolveMx("null.example.com")).toMatchObject([{ priority: 0, exchange: "" }]);
    expect(await resolver.resolveTxt("a.b.example.com")).toEqual([["one", "two"]]);
    expect(await resolver.resolveTxt("long.example.com")).toEqual([["x".repeat(255), "x".repeat(45)]]);
    expect((await resolver.resolveSoa("example.com")).minttl).toBe(5);
    await expect(resolver.resolve4("nothing.example.com")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(resolver.resolve6("mx.example.com")).rejects.toMatchObject({ code: "ENODATA" });
    await expect(resolver.resolve4("example.net")).rejects.toMatchObject({ code: "EREFUSED" });
  });

  test("says what is published and withdrawn from then on, and raises its serial", async () => {
    const before = (await resolver.resolveSoa("example.com")).serial;
    server.publish({ name: "new.example.com", type: "TXT", value: "here" });
    expect(await resolver.resolveTxt("new.example.com")).toEqual([["here"]]);
    expect(server.withdraw("NEW.example.com", "A")).toBe(0);
    expect(server.withdraw("NEW.example.com", "TXT")).toBe(1);
    await expect(resolver.resolveTxt("new.example.com")).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect((await resolver.resolveSoa("example.com")).serial).toBeGreaterThan(before);
  });

  test("truncates over UDP what is too large, and gives it whole over TCP", async () => {
    server.publish({ name: "big.example.com", type: "TXT", value: "y".repeat(3000) });
    expect((await resolver.resolveTxt("big.example.com"))[0]?.join("")).toBe("y".repeat(3000));
    expect(queries.filter((query) => query.name === "big.example.com").map((query) => query.transport)).toEqual([
      "UDP",
      "TCP",
    ]);
  });

  test("answers several questions on one TCP connection, whatever pieces they come in", async () => {
    const socket = connect(server.port, "127.0.0.1");
    const octets = Buffer.concat([question(1), question(2)]);
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk) => (received = Buffer.concat([received, chunk as Buffer])));
    for (const octet of octets) socket.write(Buffer.from([octet]));
    while (received.length < 4 || received.length < 2 * (2 + received.readUInt16BE(0))) await once(socket, "data");
    const half = received.length / 2;
    const first = streamDecode(received.subarray(0, half)) as DecodedPacket;
    const second = streamDecode(received.subarray(half)) as DecodedPacket;
    expect([first.id, second.id]).toEqual([1, 2]);
    expect([first.flag_aa, first.flag_ra, first.answers?.length]).toEqual([true, false, 2]);
    socket.destroy();
  });

  const failures = [
    ["ServFail", "ESERVFAIL"],
    ["Refused", "EREFUSED"],
    ["Silence", "ETIMEOUT"],
    ["WrongId", "ETIMEOUT"],
    ["WrongQuestion", "ETIMEOUT"],
    ["Garbage", /EBADRESP|ETIMEOUT/],
  ] as const;
  test.each(failures)("fails by %s when told to, and no longer when told so", async (failure, code) => {
    server.fail("mx.example.com", failure);
    const wrong = resolver.resolve4("mx.example.com").then(
      () => "an answer",
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(await wrong).toMatch(code);
    server.fail("MX.example.com", undefined);
    expect(await resolver.resolve4("mx.example.com")).toHaveLength(2);
  });

  test("truncates and lies when told to", async () => {
    server.fail("mx.example.com", "Truncate");
    expect(await resolver.resolve4("mx.example.com")).toHaveLength(2);
    expect(queries.map((query) => query.transport)).toEqual(["UDP", "TCP"]);
    server.fail("mx.example.com", { lie: [{ name: "mx.example.com", type: "A", value: "127.6.6.6" }] });
    expect(await resolver.resolve4("mx.example.com")).toEqual(["127.6.6.6"]);
  });

  const broken: readonly [what: string, octets: Buffer, rcode: string][] = [
    ["a query without a question", encode({ type: "query", id: 9 }), "FORMERR"],
    [
      "half a query",
      encode({ type: "query", id: 9, questions: [{ type: "A", name: "mx.example.com" }] }).subarray(0, 20),
      "FORMERR",
    ],
    [
      "a status request",
      encode({ type: "query", id: 9, flags: 2 << 11, questions: [{ type: "A", name: "mx.example.com" }] }),
      "NOTIMP",
    ],
  ];
  test.each(broken)("answers %s with its code", async (_what, octets, rcode) => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(Buffer.concat([Buffer.from([0, octets.length]), octets]));
    const [reply] = (await once(socket, "data")) as [Buffer];
    expect(streamDecode(reply)).toMatchObject({ id: 9, rcode });
    socket.destroy();
  });
});
