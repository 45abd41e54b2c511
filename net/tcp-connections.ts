import { connect, type Socket } from "node:net";
import type { Cancel, Clock } from "../runtime/clock.ts";
import type { Query } from "./dns-message.ts";
import { endpointText, type Endpoint } from "./endpoint.ts";
import { askOverTcp, exchangeOf, firstFrame, framed, strangeAnswer } from "./tcp.ts";
import { errorText, type Exchange, type ExchangeOptions } from "./udp.ts";

/** Asks one question over TCP. */
export type AskOverTcp = (server: Endpoint, query: Query, options: ExchangeOptions) => Promise<Exchange>;

/** How connections are kept. */
export interface Keeping {
  readonly clock: Clock;
  /** Milliseconds without a question after which a connection is closed: servers close such themselves after a while. */
  readonly idle: number;
  /** Connections that are open at most while nothing is asked of them; the longest idle goes. */
  readonly most: number;
}

/** A question on its way. */
interface Waiting {
  readonly query: Query;
  /** `Broken`: the connection ended before the answer, which says nothing of the question. */
  readonly settle: (outcome: Exchange | "Broken") => void;
}

/** One connection. */
interface Connection {
  readonly socket: Socket;
  /** By id. */
  readonly waiting: Map<number, Waiting>;
  received: Buffer;
  isOpen: boolean;
  /** Answers so far. */
  answers: number;
  /** Whether no further question is asked on it: an answer is outstanding that nobody waits for. */
  isSpent: boolean;
  cancelIdle: Cancel | undefined;
  /** Takes no more questions; those under way have failed. */
  readonly end: (reason: string) => void;
}

/**
 * Asks over connections that are kept, one a server, several questions at once on it (RFC 7766 §6.2). What a connection
 * does not answer because it ended, or was silent from the start after it had been idle, is asked once more on one of its
 * own: servers may close when they like, and no question suffers from another. Never rejects.
 */
export function keepTcpConnections(keeping: Keeping): AskOverTcp {
  const kept = new Map<string, Connection>();
  const connectionTo = (server: Endpoint, id: number): Connection | undefined => {
    const place = endpointText(server);
    const before = kept.get(place);
    // Ids tell the answers of one connection apart.
    if (before?.waiting.has(id) === true) return undefined;
    const connection = before ?? open(server, () => kept.get(place) === connection && kept.delete(place));
    kept.delete(place);
    kept.set(place, connection);
    return connection;
  };
  const rest = (connection: Connection): void => {
    if (connection.waiting.size > 0) return;
    if (connection.isSpent) return connection.end("unused");
    connection.socket.unref();
    connection.cancelIdle?.();
    connection.cancelIdle = keeping.clock.after(keeping.idle, () => connection.end("idle"));
    const idle = [...kept.values()].filter(({ waiting }) => waiting.size === 0);
    if (idle.length > keeping.most) idle[0]?.end("one too many");
  };
  return async (server, query, options) => {
    if (options.signal?.aborted === true) return { kind: "Failed", reason: "aborted" };
    const connection = connectionTo(server, query.id);
    if (connection === undefined) return askOverTcp(server, query, options);
    const outcome = await askOn(connection, query, options);
    if (connection.isSpent && kept.get(endpointText(server)) === connection) kept.delete(endpointText(server));
    rest(connection);
    return outcome === "Broken" ? askOverTcp(server, query, options) : outcome;
  };
}

/** Connects; `onEnd` is called when no question can be asked any more. */
function open(server: Endpoint, onEnd: () => void): Connection {
  const socket = connect({ host: server.address, port: server.port, noDelay: true });
  const connection: Connection = {
    socket,
    waiting: new Map(),
    received: Buffer.alloc(0),
    isOpen: false,
    answers: 0,
    isSpent: false,
    cancelIdle: undefined,
    end(reason) {
      onEnd();
      connection.cancelIdle?.();
      connection.isSpent = true;
      socket.destroy();
      // A server that cannot be reached is not tried again; nor is one that hung up on its only question.
      const isFinal = !connection.isOpen || (connection.answers === 0 && connection.waiting.size === 1);
      for (const { settle } of connection.waiting.values()) settle(isFinal ? { kind: "Failed", reason } : "Broken");
    },
  };
  const { end } = connection;
  socket.on("error", (error) => end(errorText(error)));
  socket.on("close", () => end("the connection was closed"));
  socket.on("connect", () => (connection.isOpen = true));
  socket.on("data", (chunk: Buffer) => {
    connection.received = connection.received.length === 0 ? chunk : Buffer.concat([connection.received, chunk]);
    const problem = readFrames(connection);
    if (problem !== undefined) end(problem);
  });
  return connection;
}

/** Settles the questions that what was received answers. What is wrong with the connection, if anything is. */
function readFrames(connection: Connection): string | undefined {
  for (;;) {
    const frame = firstFrame(connection.received);
    if (frame === undefined) return undefined;
    if ("reason" in frame) return frame.reason;
    connection.received = frame.rest;
    if (!takeAnswer(connection, frame.packet)) return strangeAnswer;
  }
}

/** Whether an answer is one that is waited for, or was. */
function takeAnswer(connection: Connection, packet: Buffer): boolean {
  const asked = packet.length < 2 ? undefined : connection.waiting.get(packet.readUInt16BE(0));
  if (asked === undefined) return connection.isSpent;
  const exchange = exchangeOf(packet, asked.query);
  if (exchange === undefined) return false;
  connection.answers++;
  asked.settle(exchange);
  return true;
}

function askOn(
  connection: Connection,
  query: Query,
  { clock, timeout, signal }: ExchangeOptions,
): Promise<Exchange | "Broken"> {
  const { socket, waiting, answers } = connection;
  return new Promise((resolve) => {
    const settle = (outcome: Exchange | "Broken"): void => {
      waiting.delete(query.id);
      cancel();
      signal?.removeEventListener("abort", onAbort);
      resolve(outcome);
    };
    const giveUp = (outcome: Exchange | "Broken"): void => {
      connection.isSpent = true;
      settle(outcome);
    };
    const onAbort = (): void => giveUp({ kind: "Failed", reason: "aborted" });
    const cancel = clock.after(timeout, () => {
      // What was idle may have been forgotten on the way by a router that tells nobody.
      const isStale = answers > 0 && connection.answers === answers;
      giveUp(isStale ? "Broken" : { kind: "Failed", reason: `no answer within ${timeout} ms` });
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    connection.cancelIdle?.();
    connection.cancelIdle = undefined;
    socket.ref();
    waiting.set(query.id, { query, settle });
    socket.write(framed(query.packet));
  });
}
