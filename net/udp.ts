import { createSocket } from "node:dgram";
import { isIP } from "node:net";
import type { Clock } from "../runtime/clock.ts";
import { matchQuery, type Query } from "./dns-message.ts";
import type { Endpoint } from "./endpoint.ts";

/** What became of a question over one transport. `Suspect`: it looks forged or is truncated; ask over TCP. */
export type Exchange =
  | { readonly kind: "Reply"; readonly packet: Buffer }
  | { readonly kind: "Suspect" }
  | { readonly kind: "Failed"; readonly reason: string };

export interface ExchangeOptions {
  readonly clock: Clock;
  /** Milliseconds for the whole exchange. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** Packets that do not answer the question before it is asked over TCP instead: somebody is guessing. */
const mostStrangers = 16;

/**
 * Asks over UDP from a port of its own that the system picks at random. The socket is connected, so that the system
 * lets in nothing but what comes from the address and port that was asked. Never rejects, always closes its socket.
 */
export function askOverUdp(server: Endpoint, query: Query, options: ExchangeOptions): Promise<Exchange> {
  const { clock, timeout, signal } = options;
  const socket = createSocket(isIP(server.address) === 6 ? "udp6" : "udp4");
  return new Promise<Exchange>((resolve) => {
    let strangers = 0;
    const finish = (exchange: Exchange): void => {
      cancel();
      signal?.removeEventListener("abort", onAbort);
      socket.removeAllListeners().on("error", () => undefined);
      socket.close();
      resolve(exchange);
    };
    const onAbort = (): void => finish({ kind: "Failed", reason: "aborted" });
    const cancel = clock.after(timeout, () => finish({ kind: "Failed", reason: `no answer within ${timeout} ms` }));
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });

    socket.on("error", (error) => finish({ kind: "Failed", reason: errorText(error) }));
    socket.on("message", (packet) => {
      const match = matchQuery(query, packet);
      if (match === "Answer") return finish({ kind: "Reply", packet });
      strangers++;
      // With the right id another question is most likely a server that does not keep the case of letters.
      const suspect = match === "Truncated" || match === "WrongQuestion" || strangers >= mostStrangers;
      if (suspect) finish({ kind: "Suspect" });
    });
    socket.on("connect", () => socket.send(query.packet));
    socket.connect(server.port, server.address);
    return undefined;
  });
}

/** The code of a system error, such as ECONNREFUSED, or its message. */
export function errorText(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
