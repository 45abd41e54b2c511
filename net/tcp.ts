import { connect } from "node:net";
import { matchQuery, type Query } from "./dns-message.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorText, type Exchange, type ExchangeOptions } from "./udp.ts";

/** Answers of more octets are not read. */
export const largestAnswer = 32_768;

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
      const exchange = readFrame(received, query);
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

/** The first frame of what was received, once it is there. */
function readFrame(received: Buffer, query: Query): Exchange | undefined {
  if (received.length < 2) return undefined;
  const length = received.readUInt16BE(0);
  if (length > largestAnswer) return { kind: "Failed", reason: `an answer of ${length} octets` };
  if (received.length < 2 + length) return undefined;
  const packet = received.subarray(2, 2 + length);
  const match = matchQuery(query, packet, true);
  if (match === "Answer") return { kind: "Reply", packet };
  return { kind: "Failed", reason: match === "Truncated" ? "truncated over TCP" : "the answer to another question" };
}
