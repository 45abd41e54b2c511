import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import type { AddressInfo } from "node:net";
import dnsPacket, { type Answer as DnsRecord, type Packet } from "dns-packet";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../runtime/clock.ts";
import { startZoneServer } from "../test/harness/zone-server.ts";
import { dnsClient } from "./dns-client.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RecordType } from "./resolver.ts";

interface Asked {
  readonly name: string;
  readonly type: string;
  readonly transport: "UDP" | "TCP";
  /** Of the client. */
  readonly port: number;
  readonly packet: Packet;
}

/** What a test server says: packets to send back, none at all, or `Close`. */
type Behaviour = (asked: Asked) => readonly (Packet | Buffer)[] | "Close";

interface TestServer extends Endpoint {
  readonly asked: Asked[];
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function bytesOf(answer: Packet | Buffer): Buffer {
  return Buffer.isBuffer(answer) ? answer : dnsPacket.encode(answer);
}

/** A DNS server on 127.0.0.1, on one port over UDP and TCP, that does exactly what the test wants. */
async function serve(behaviour: Behaviour): Promise<TestServer> {
  const asked: Asked[] = [];
  const ask = (packet: Buffer, transport: "UDP" | "TCP", from: number): readonly (Packet | Buffer)[] | "Close" => {
    const message = dnsPacket.decode(packet);
    const question = message.questions?.[0];
    const entry: Asked = {
      name: question?.name ?? "",
      type: question?.type ?? "",
      transport,
      port: from,
      packet: message,
    };
    asked.push(entry);
    return behaviour(entry);
  };
  const tcp: Server = createServer((socket: TcpSocket) => {
    socket.on("error", () => undefined);
    socket.once("data", (data: Buffer) => {
      const answers = ask(data.subarray(2), "TCP", socket.remotePort ?? 0);
      if (answers === "Close") return socket.destroy();
      for (const bytes of answers.map(bytesOf)) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        // In two parts, so that the client must join them.
        socket.write(Buffer.concat([length, bytes.subarray(0, 1)]));
        socket.write(bytes.subarray(1));
      }
      return undefined;
    });
    closers.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    tcp.listen(0, "127.0.0.1", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = tcp.address() as AddressInfo;
  const udp: Socket = createSocket("udp4");
  udp.on("message", (data, from) => {
    const answers = ask(data, "UDP", from.port);
    if (answers !== "Close") for (const answer of answers) udp.send(bytesOf(answer), from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    udp.bind(port, "127.0.0.1", resolve);
  });
  closers.push(
    () => tcp.close(),
    () => udp.close(),
  );
  return { address: "127.0.0.1", port, asked };
}

/** The response to what was asked, with records, and a response code and flags in `more`. */
function respond({ packet }: Asked, answers: DnsRecord[] = [], more: Partial<Packet> = {}): Packet {
  return { type: "response", id: packet.id ?? 0, questions: packet.questions ?? [], answers, ...more };
}

function clientOf(servers: readonly Endpoint[], timeout = 250) {
  return dnsClient({ servers, timeout, clock: systemClock });
}

const a = (name: string, data = "192.0.2.1", ttl = 300): DnsRecord => ({ type: "A", name, ttl, class: "IN", data });
const cname = (name: string, data: string, ttl = 300): DnsRecord => ({ type: "CNAME", name, ttl, class: "IN", data });
const soa = (ttl: number, minimum: number): DnsRecord => ({
  type: "SOA",
  name: "example",
  ttl,
  class: "IN",
  data: { mname: "ns.example", rname: "root.example", serial: 7, minimum },
});
const ns: DnsRecord = { type: "NS", name: "example", ttl: 60, class: "IN", data: "ns.other.example" };

/** No chance at all: every letter becomes upper case. */
const allOnes = (size: number): Uint8Array => new Uint8Array(size).fill(255);

/** Flag bits that carry a response code. */
const rcode = (code: number): Partial<Packet> => ({ flags: code });

const answers: readonly {
  readonly name: string;
  readonly type: RecordType;
  readonly behaviour: Behaviour;
  readonly want: unknown;
}[] = [
  {
    name: "A records",
    type: "A",
    behaviour: (q) => [
      respond(q, [a(q.name), a(q.name.toUpperCase(), "192.0.2.2", 60), a("other.example", "192.0.2.3")]),
    ],
    want: { kind: "Records", values: ["192.0.2.1", "192.0.2.2"], ttl: 60 },
  },
  {
    name: "MX records, lower case and without dots at the end",
    type: "MX",
    behaviour: (q) => [
      respond(q, [
        { type: "MX", name: q.name, ttl: 9, class: "IN", data: { preference: 10, exchange: "MX.Example." } },
      ]),
    ],
    want: { kind: "Records", values: [{ preference: 10, exchange: "mx.example" }], ttl: 9 },
  },
  {
    name: "a null MX",
    type: "MX",
    behaviour: (q) => [
      respond(q, [{ type: "MX", name: q.name, ttl: 9, class: "IN", data: { preference: 0, exchange: "." } }]),
    ],
    want: { kind: "Records", values: [{ preference: 0, exchange: "" }], ttl: 9 },
  },
  {
    name: "TXT strings, not joined, one character an octet",
    type: "TXT",
    behaviour: (q) => [
      respond(q, [
        { type: "TXT", name: q.name, ttl: 9, class: "IN", data: ["v=DKIM1; p=", Buffer.from([0x41, 0xff])] },
      ]),
    ],
    want: { kind: "Records", values: [["v=DKIM1; p=", "A\u00ff"]], ttl: 9 },
  },
  {
    name: "a SOA record",
    type: "SOA",
    behaviour: (q) => [respond(q, [{ ...soa(60, 5), name: q.name }])],
    want: { kind: "Records", values: [{ primary: "ns.example", serial: 7, minimum: 5 }], ttl: 60 },
  },
  {
    name: "an alias that the answer follows",
    type: "A",
    behaviour: (q) => [respond(q, [cname(q.name, "b.example", 20), a("b.example")])],
    want: { kind: "Records", values: ["192.0.2.1"], ttl: 20 },
  },
  {
    name: "an alias that it does not follow",
    type: "A",
    behaviour: (q) => [
      respond(
        q,
        q.name.toLowerCase() === "b.example" ? [a(q.name, "192.0.2.9", 30)] : [cname(q.name, "b.example", 20)],
      ),
    ],
    want: { kind: "Records", values: ["192.0.2.9"], ttl: 20 },
  },
  {
    name: "an alias that is asked for",
    type: "CNAME",
    behaviour: (q) => [respond(q, [cname(q.name, "b.example", 20)])],
    want: { kind: "Records", values: ["b.example"], ttl: 20 },
  },
  {
    name: "an alias to a name that does not exist",
    type: "A",
    behaviour: (q) => [respond(q, [cname(q.name, "b.example")], { ...rcode(3), authorities: [soa(60, 5)] })],
    want: { kind: "NXDomain", negativeTtl: 5 },
  },
  {
    name: "no such name",
    type: "A",
    behaviour: (q) => [respond(q, [], { ...rcode(3), authorities: [soa(4, 60)] })],
    want: { kind: "NXDomain", negativeTtl: 4 },
  },
  {
    name: "no such record",
    type: "A",
    behaviour: (q) => [respond(q, [], { authorities: [soa(600, 60)] })],
    want: { kind: "NoData", negativeTtl: 60 },
  },
  { name: "no such record, without a SOA", type: "A", behaviour: (q) => [respond(q)], want: { kind: "NoData" } },
  {
    name: "a TTL with the highest bit set, which counts as 0",
    type: "A",
    behaviour: (q) => [respond(q, [a(q.name, "192.0.2.1", 2 ** 31)])],
    want: { kind: "Records", values: ["192.0.2.1"], ttl: 0 },
  },
];

const failures: readonly { readonly name: string; readonly behaviour: Behaviour; readonly reason: RegExp }[] = [
  { name: "SERVFAIL", behaviour: (q) => [respond(q, [], rcode(2))], reason: /SERVFAIL$/ },
  { name: "REFUSED", behaviour: (q) => [respond(q, [], rcode(5))], reason: /REFUSED$/ },
  { name: "a code that nobody knows", behaviour: (q) => [respond(q, [], rcode(11))], reason: /response code 11$/ },
  { name: "a referral", behaviour: (q) => [respond(q, [], { authorities: [ns] })], reason: /a referral/ },
  {
    name: "an alias to itself",
    behaviour: (q) => [respond(q, [cname(q.name, q.name)])],
    reason: /loop of aliases/,
  },
  {
    name: "a loop of aliases over several questions",
    behaviour: (q) => [respond(q, [cname(q.name, q.name.toLowerCase() === "b.example" ? "a.example" : "b.example")])],
    reason: /loop of aliases/,
  },
  {
    name: "two aliases at one name",
    behaviour: (q) => [respond(q, [cname(q.name, "b.example"), cname(q.name, "c.example")])],
    reason: /two aliases/,
  },
  {
    name: "an endless chain of aliases, one a question",
    behaviour: (q) => [respond(q, [cname(q.name, `x${q.name.toLowerCase()}`)])],
    reason: /more than 8 aliases/,
  },
  {
    name: "a long chain of aliases in one answer",
    behaviour: (q) => [
      respond(q, [
        cname(q.name, "n0.example"),
        ...Array.from({ length: 12 }, (_, i) => cname(`n${i}.example`, `n${i + 1}.example`)),
      ]),
    ],
    reason: /more than 8 aliases/,
  },
  {
    name: "an alias to what is no name",
    behaviour: (q) => [respond(q, [cname(q.name, "a b.example")])],
    reason: /not a domain name/,
  },
  {
    name: "a packet that ends in the middle of a record",
    behaviour: (q) => [dnsPacket.encode(respond(q, [a(q.name)])).subarray(0, -2)],
    reason: /malformed/,
  },
  {
    name: "a packet with more behind its records",
    behaviour: (q) => [Buffer.concat([dnsPacket.encode(respond(q, [a(q.name)])), Buffer.from("more")])],
    reason: /malformed/,
  },
  {
    name: "300 records",
    behaviour: (q) =>
      q.transport === "UDP"
        ? [respond(q, [], { flags: dnsPacket.TRUNCATED_RESPONSE })]
        : [
            respond(
              q,
              Array.from({ length: 300 }, (_, i) => a(q.name, `192.0.2.${i % 256}`)),
            ),
          ],
    reason: /more than 256 records/,
  },
];

describe("dnsClient", () => {
  test.each(answers)("reads $name", async ({ type, behaviour, want }) => {
    expect(await clientOf([await serve(behaviour)]).resolve("a.example", type)).toEqual(want);
  });

  test.each(failures)("fails on $name", async ({ behaviour, reason }) => {
    const answer = await clientOf([await serve(behaviour)]).resolve("a.example", "A");
    expect(answer).toEqual({ kind: "Failed", reason: expect.stringMatching(reason) });
  });

  test("asks over TCP when the answer is truncated", async () => {
    const server = await serve((q) =>
      q.transport === "UDP" ? [respond(q, [], { flags: dnsPacket.TRUNCATED_RESPONSE })] : [respond(q, [a(q.name)])],
    );
    expect((await clientOf([server]).resolve("a.example", "A")).kind).toBe("Records");
    expect(server.asked.map((q) => q.transport)).toEqual(["UDP", "TCP"]);
  });

  test("asks over TCP when the case of the name does not come back, and takes it there", async () => {
    const server = await serve((q) => {
      const answer = respond(q, [a("a.example")]);
      return [{ ...answer, questions: [{ name: q.name.toLowerCase(), type: "A", class: "IN" }] }];
    });
    const client = dnsClient({ servers: [server], timeout: 250, clock: systemClock, random: allOnes });
    expect((await client.resolve("a.example", "A")).kind).toBe("Records");
    expect(server.asked.map((q) => `${q.transport} ${q.name}`)).toEqual(["UDP A.EXAMPLE", "TCP A.EXAMPLE"]);
  });

  test("does not take an answer with another id, or to another question, and waits for the right one", async () => {
    const server = await serve((q) => [
      { ...respond(q, [a(q.name, "192.0.2.66")]), id: ((q.packet.id ?? 0) + 1) & 0xffff },
      Buffer.from("garbage"),
      { ...respond(q, [a(q.name, "192.0.2.66")]), type: "query" },
      respond(q, [a(q.name)]),
    ]);
    expect(await clientOf([server]).resolve("a.example", "A")).toMatchObject({ values: ["192.0.2.1"] });
  });

  test("asks over TCP when somebody floods it with guesses", async () => {
    const server = await serve((q) =>
      q.transport === "TCP"
        ? [respond(q, [a(q.name)])]
        : Array.from({ length: 20 }, (_, i) => ({
            ...respond(q, [a(q.name, "192.0.2.66")]),
            id: ((q.packet.id ?? 0) + 1 + i) & 0xffff,
          })),
    );
    expect(await clientOf([server]).resolve("a.example", "A")).toMatchObject({ values: ["192.0.2.1"] });
  });

  test("does not hear an answer from another port", async () => {
    const stranger = createSocket("udp4");
    closers.push(() => stranger.close());
    const udp = createSocket("udp4");
    udp.on("message", (data, from) => {
      const packet = dnsPacket.decode(data);
      const name = packet.questions?.[0]?.name ?? "";
      stranger.send(
        dnsPacket.encode({
          type: "response",
          id: packet.id ?? 0,
          questions: packet.questions ?? [],
          answers: [a(name)],
        }),
        from.port,
        from.address,
      );
    });
    await new Promise<void>((resolve) => {
      udp.bind(0, "127.0.0.1", resolve);
    });
    closers.push(() => udp.close());
    const answer = await clientOf([{ address: "127.0.0.1", port: udp.address().port }], 50).resolve("a.example", "A");
    expect(answer).toMatchObject({ kind: "Failed", reason: expect.stringMatching(/no answer within 50 ms/) });
  });

  test("goes to the next server, and round again", async () => {
    const silent = await serve(() => []);
    let times = 0;
    const flaky = await serve((q) => [times++ === 0 ? respond(q, [], rcode(2)) : respond(q, [a(q.name)])]);
    expect((await clientOf([silent, flaky], 50).resolve("a.example", "A")).kind).toBe("Records");
    expect([silent.asked.length, flaky.asked.length]).toEqual([2, 2]);
  });

  test("takes the denial of the first server as an answer", async () => {
    const first = await serve((q) => [respond(q, [], rcode(3))]);
    const second = await serve((q) => [respond(q, [a(q.name)])]);
    expect((await clientOf([first, second]).resolve("a.example", "A")).kind).toBe("NXDomain");
    expect(second.asked).toHaveLength(0);
  });

  test("fails when nobody listens, over UDP and over TCP", async () => {
    const server = await serve((q) =>
      q.transport === "TCP" ? "Close" : [respond(q, [], { flags: dnsPacket.TRUNCATED_RESPONSE })],
    );
    expect((await clientOf([server]).resolve("a.example", "A")).kind).toBe("Failed");
    for (const close of closers.splice(0)) close();
    expect((await clientOf([server]).resolve("a.example", "A")).kind).toBe("Failed");
  });

  test("stops when it is aborted", async () => {
    const server = await serve(() => []);
    const controller = new AbortController();
    const answer = clientOf([server], 10_000).resolve("a.example", "A", controller.signal);
    controller.abort();
    expect(await answer).toMatchObject({ kind: "Failed", reason: expect.stringMatching(/aborted/) });
    expect(await clientOf([server], 10_000).resolve("a.example", "A", AbortSignal.abort())).toMatchObject({
      kind: "Failed",
    });
  });

  test.each(["", "a..example", "a b.example", "a\u0000.example", `${"a".repeat(64)}.example`])(
    "does not ask for %j",
    async (name) => {
      const server = await serve(() => []);
      expect(await clientOf([server]).resolve(name, "A")).toEqual({ kind: "Failed", reason: "not a domain name" });
      expect(server.asked).toHaveLength(0);
    },
  );

  test("uses another id, another port and another case for each question", async () => {
    const server = await serve((q) => [respond(q, [a(q.name)])]);
    for (let i = 0; i < 8; i++) await clientOf([server]).resolve("a.example", "A");
    expect(new Set(server.asked.map((q) => q.packet.id)).size).toBeGreaterThan(6);
    expect(new Set(server.asked.map((q) => q.port)).size).toBeGreaterThan(6);
    expect(new Set(server.asked.map((q) => q.name)).size).toBeGreaterThan(4);
  });
});

describe("dnsClient and an authoritative server", () => {
  test.each<[string, RecordType, unknown]>([
    ["example.com", "MX", { kind: "Records", values: [{ preference: 10, exchange: "mx.example.com" }], ttl: 60 }],
    ["www.example.com", "A", { kind: "Records", values: ["192.0.2.1"], ttl: 60 }],
    ["mx.example.com", "AAAA", { kind: "NoData", negativeTtl: 5 }],
    ["gone.example.com", "A", { kind: "NXDomain", negativeTtl: 5 }],
    ["example.org", "A", { kind: "Failed", reason: expect.stringContaining("REFUSED") }],
    [
      "long.example.com",
      "TXT",
      { kind: "Records", values: [["x".repeat(255), ...Array.from({ length: 15 }, () => "x".repeat(255))]], ttl: 60 },
    ],
  ])("%s %s", async (name, type, want) => {
    const zone = await startZoneServer({
      zones: [{ name: "example.com", ttl: 60, minimum: 5 }],
      records: [
        { name: "example.com", type: "MX", value: { preference: 10, exchange: "mx.example.com" } },
        { name: "mx.example.com", type: "A", value: "192.0.2.1" },
        { name: "www.example.com", type: "CNAME", value: "mx.example.com" },
        { name: "long.example.com", type: "TXT", value: "x".repeat(255 * 16) },
      ],
    });
    closers.push(() => void zone.close());
    expect(await clientOf([{ address: "127.0.0.1", port: zone.port }], 1000).resolve(name, type)).toEqual(want);
  });
});
