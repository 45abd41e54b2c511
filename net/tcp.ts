import { connect } from "node:net";
import { matchQuery, type Query } from "./dns-message.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorText, type Exchange, type ExchangeOptions } from "./udp.ts";

/** Answers of more octets are not read. */
const largestAnswer = 32_768;

/** Asks over TCP (RFC 7766): one question, one answer, one connection. Never rejects, always closes its socket. */
export function askOverTcp(server: Endpoint, query: Query, options: ExchangeOptions): Promise<Exchange> {
  const { clock, timeout, signal } = options;
  return new Promise<Exchange>((resolve) => {
    if (signal?.aborted === true) return resolve({ kind: "Failed", reason: "aborted" });
    const socket = connect({ host: server.address, port: server.port });
    const finish = (exchange: Exchange): void => {
      cancel();
      signal?.removeEventListener("abort", onAbort);
      socket.removeAllListeners().on("error", () => undefined);
      socket.destroy();
      resolve(exchange);
    };
    const fail = (reason: string): void => finish({ kind: "Failed", reason });
    const onAbort = (): void => fail("aborted");
    const cancel = clock.after(timeout, () => fail(`no answer within ${timeout} ms`));
    signal?.addEventListener("abort", onAbort, { once: true });

    let received = Buffer.alloc(0);
    socket.on("error", (error) => fail(errorText(error)));
    socket.on("close", () => fail("the connection was closed"));
    socket.on("connect", () => socket.write(framed(query.packet)));
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const exchange = readAnswer(received, query);
      if (exchange !== undefined) finish(exchange);
    });
    return undefined;
  });
}

/** A message with its length before it, to be written at once (RFC 7766 §8). */
export function framed(packet: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(packet.length);
  return Buffer.concat([length, packet]);
}

/** The first message of what was received over TCP, and what comes after it; undefined until it is all there. */
export function firstFrame(
  received: Buffer,
): { readonly packet: Buffer; readonly rest: Buffer } | { readonly reason: string } | undefined {
  if (received.length < 2) return undefined;
  const length = received.readUInt16BE(0);
  if (length > largestAnswer) return { reason: `an answer of ${length} octets` };
  if (received.length < 2 + length) return undefined;
  return { packet: received.subarray(2, 2 + length), rest: received.subarray(2 + length) };
}

/** What the answer to the only question on a connection comes to, once it is there. */
function readAnswer(received: Buffer, query: Query): Exchange | undefined {
  const frame = firstFrame(received);
  if (frame === undefined) return undefined;
  return "reason" in frame ? { kind: "Failed", reason: frame.reason } : (exchangeOf(frame.packet, query) ?? strange);
}

/** What is wrong with a connection that answers what was not asked. */
export const strangeAnswer = "the answer to another question";
const strange: Exchange = { kind: "Failed", reason: strangeAnswer };

/** What an answer over TCP comes to; undefined when it is none to this question. */
export function exchangeOf(packet: Buffer, query: Query): Exchange | undefined {
  const match = matchQuery(query, packet, true);
  if (match === "Answer") return { kind: "Reply", packet };
  return match === "Truncated" ? { kind: "Failed", reason: "truncated over TCP" } : undefined;
}
