import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import dnsPacket from "dns-packet";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../runtime/clock.ts";
import { until } from "../test/harness/until.ts";
import { encodeQuery, octetsOfChance, type Query } from "./dns-message.ts";
import type { Endpoint } from "./endpoint.ts";
import { framed } from "./tcp.ts";
import { keepTcpConnections, type AskOverTcp } from "./tcp-connections.ts";
import type { Exchange } from "./udp.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** What a server does with a question: `place` counts connections, `turn` the questions of one. */
interface Asked {
  readonly packet: Buffer;
  readonly name: string;
  readonly place: number;
  readonly turn: number;
  readonly socket: Socket;
}

interface Server {
  readonly endpoint: Endpoint;
  /** Connections so far, and those that are open. */
  readonly opened: () => number;
  readonly open: () => number;
}

async function serve(onQuestion: (asked: Asked) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  let opened = 0;
  const server = createServer((socket) => {
    const place = opened++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
    let received = Buffer.alloc(0);
    let turn = 0;
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const packet = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + packet.length);
        const [asked] = dnsPacket.decode(packet).questions ?? [];
        onQuestion({ packet, name: asked?.name.toLowerCase() ?? "", place, turn: turn++, socket });
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: { address: "127.0.0.1", port }, opened: () => opened, open: () => sockets.size };
}

/** The question sent back as its own answer, with nothing in it. */
function answerTo(packet: Buffer): Buffer {
  const answer = Buffer.from(packet);
  answer.writeUInt16BE(0x8400, 2);
  return framed(answer);
}

const answer = ({ socket, packet }: Asked): void => void socket.write(answerTo(packet));

let ids = 0;
function question(name: string, id = ++ids): Query {
  const chance = Buffer.alloc(octetsOfChance);
  chance.writeUInt16BE(id);
  return encodeQuery(name, "TXT", chance, false);
}

const patient = { clock: systemClock, timeout: 10_000 };
const hasty = { clock: systemClock, timeout: 100 };
const keep = (more: { idle?: number; most?: number } = {}): AskOverTcp =>
  keepTcpConnections({ clock: systemClock, idle: 60_000, most: 10, ...more });

function texts(exchanges: readonly Exchange[]): readonly string[] {
  return exchanges.map((each) => (each.kind === "Failed" ? each.reason : each.kind));
}

function askAll(ask: AskOverTcp, { endpoint }: Server, names: readonly string[]): Promise<readonly Exchange[]> {
  return Promise.all(names.map((name) => ask(endpoint, question(name), patient)));
}

test("questions share a connection, at once and one after another, whatever the order of answers", async () => {
  const open: Asked[] = [];
  const server = await serve((asked) => {
    if (open.push(asked) === 3) open.splice(0).toReversed().forEach(answer);
  });
  const ask = keep();
  for (const names of [
    ["a.example", "b.example", "c.example"],
    ["d.example", "e.example", "f.example"],
  ])
    expect(texts(await askAll(ask, server, names))).toEqual(["Reply", "Reply", "Reply"]);
  expect(server.opened()).toBe(1);
});

test("a server that takes one question a connection answers them all", async () => {
  const server = await serve(({ packet, socket, turn }) => {
    if (turn === 0) socket.end(answerTo(packet));
  });
  const ask = keep();
  const names = ["a.example", "b.example", "c.example"];
  expect(texts(await askAll(ask, server, names))).toEqual(["Reply", "Reply", "Reply"]);
  expect(texts(await askAll(ask, server, names))).toEqual(["Reply", "Reply", "Reply"]);
});

test.each(["hangs up", "is silent"])("what an idle connection %s at is asked once more, on another", async (how) => {
  const server = await serve((asked) => {
    if (asked.place > 0 || asked.turn === 0) answer(asked);
    else if (how === "hangs up") asked.socket.destroy();
  });
  const ask = keep();
  expect(texts([await ask(server.endpoint, question("a.example"), hasty)])).toEqual(["Reply"]);
  expect(texts([await ask(server.endpoint, question("b.example"), hasty)])).toEqual(["Reply"]);
  expect(server.opened()).toBe(2);
});

test("once more and no more", async () => {
  const server = await serve((asked) => {
    if (asked.name === "a.example") answer(asked);
    else asked.socket.destroy();
  });
  const ask = keep();
  await ask(server.endpoint, question("a.example"), patient);
  const [reason] = texts([await ask(server.endpoint, question("b.example"), patient)]);
  expect(reason).toMatch(/closed|ECONNRESET/);
  expect(server.opened()).toBe(2);
});

test("a server that hangs up on a first question is not asked again", async () => {
  const server = await serve(({ socket }) => socket.destroy());
  const [reason] = texts([await keep()(server.endpoint, question("a.example"), patient)]);
  expect(reason).toMatch(/closed|ECONNRESET/);
  expect(server.opened()).toBe(1);
});

test("a server that is not there is called once, however many questions there are", async () => {
  const { endpoint } = await serve(() => undefined);
  await closers.pop()?.();
  const names = ["a.example", "b.example", "c.example"];
  const ask = keep();
  const exchanges = await Promise.all(names.map((name) => ask(endpoint, question(name), patient)));
  expect(texts(exchanges)).toEqual(["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]);
});

test("silence about one question leaves the others alone, and its late answer is nobody's", async () => {
  const held: Asked[] = [];
  const server = await serve((asked) => (asked.place === 0 ? held.push(asked) : answer(asked)));
  const ask = keep();
  const { endpoint } = server;
  const id = ++ids;
  const slow = ask(endpoint, question("late.example", id), hasty);
  const other = ask(endpoint, question("a.example"), patient);
  expect(texts([await slow])).toEqual(["no answer within 100 ms"]);
  expect(texts([await ask(endpoint, question("b.example", id), patient)])).toEqual(["Reply"]);
  held.forEach(answer);
  expect(texts([await other])).toEqual(["Reply"]);
  expect(server.opened()).toBe(2);
});

test("an answer to another question fails that one, and none beside it", async () => {
  const server = await serve((asked) => {
    if (asked.name !== "forged.example") return answer(asked);
    const other = question("other.example", asked.packet.readUInt16BE(0));
    asked.socket.write(answerTo(other.packet));
  });
  const names = ["a.example", "forged.example", "b.example"];
  expect(texts(await askAll(keep(), server, names))).toEqual(["Reply", "the answer to another question", "Reply"]);
});

test("an answer that is too long is not read", async () => {
  const server = await serve((asked) => {
    if (asked.name === "long.example") asked.socket.write(Buffer.from([0xff, 0xff, 0, 0]));
    else answer(asked);
  });
  const names = ["a.example", "long.example", "b.example"];
  expect(texts(await askAll(keep(), server, names))).toEqual(["Reply", "an answer of 65535 octets", "Reply"]);
});

test("a truncated answer fails its question alone", async () => {
  const server = await serve((asked) => {
    const packet = answerTo(asked.packet);
    if (asked.name === "cut.example") packet.writeUInt16BE(0x8600, 4);
    asked.socket.write(packet);
  });
  expect(texts(await askAll(keep(), server, ["cut.example", "a.example"]))).toEqual(["truncated over TCP", "Reply"]);
  expect(server.opened()).toBe(1);
});

test("two questions of one id are on connections of their own", async () => {
  const server = await serve(answer);
  const ask = keep();
  const id = ++ids;
  const exchanges = ["a.example", "b.example"].map((name) => ask(server.endpoint, question(name, id), patient));
  expect(texts(await Promise.all(exchanges))).toEqual(["Reply", "Reply"]);
  expect(server.opened()).toBe(2);
});

test("who gives up is answered at once", async () => {
  const server = await serve(() => undefined);
  const giver = new AbortController();
  const exchange = keep()(server.endpoint, question("a.example"), { ...patient, signal: giver.signal });
  giver.abort();
  expect(texts([await exchange])).toEqual(["aborted"]);
  await until("the connection is closed", () => Promise.resolve(server.open() === 0 || undefined));
});

test("a connection is closed when nothing is asked for a while", async () => {
  const server = await serve(answer);
  await askAll(keep({ idle: 50 }), server, ["a.example", "b.example"]);
  expect(server.opened()).toBe(1);
  await until("the connection is closed", () => Promise.resolve(server.open() === 0 || undefined));
});

test("of connections that are idle only so many stay open", async () => {
  const servers = await Promise.all([serve(answer), serve(answer), serve(answer)]);
  const ask = keep({ most: 2 });
  for (const server of servers) await askAll(ask, server, ["a.example"]);
  await until("the longest idle is closed", () => Promise.resolve(servers[0]?.open() === 0 || undefined));
  expect(servers.map((server) => server.open())).toEqual([0, 1, 1]);
});
