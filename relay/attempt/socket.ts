import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../../runtime/clock.ts";
import type { Hop } from "../route/hop.ts";
import type { ConnectionError } from "./classify.ts";

export interface SocketLimits {
  /** Milliseconds for TCP, and again for a TLS handshake from the start. */
  readonly connectTimeout: number;
  /** Certification authorities, PEM, that certificates are verified by; Node's own when absent. */
  readonly ca?: readonly string[];
}

export type OpenedSocket =
  | { readonly socket: Socket }
  | { readonly stage: "Connect" | "TLS"; readonly error: ConnectionError };

/**
 * Connects to the address of a hop, that and no other: the name is never looked up again, so it cannot point elsewhere
 * after the guard has seen it. With `Implicit` TLS it makes the handshake too. Never rejects.
 */
export async function openSocket(
  hop: Hop,
  limits: SocketLimits,
  clock: Clock,
  signal?: AbortSignal,
): Promise<OpenedSocket> {
  const tcp = connectTcp({ host: hop.address, port: hop.port, family: isIP(hop.address), noDelay: true });
  const error = await untilEvent(tcp, "connect", { clock, timeout: limits.connectTimeout, signal });
  if (error !== undefined) return { stage: "Connect", error };
  if (hop.tls.start !== "Implicit") return { socket: tcp };
  const secured = connectTls({
    socket: tcp,
    host: hop.host,
    rejectUnauthorized: hop.tls.verify,
    ...(isIP(hop.host) === 0 ? { servername: hop.host } : {}),
    ...(hop.tls.verify && limits.ca !== undefined ? { ca: [...limits.ca] } : {}),
  });
  const tlsError = await untilEvent(secured, "secureConnect", { clock, timeout: limits.connectTimeout, signal });
  return tlsError === undefined ? { socket: secured } : { stage: "TLS", error: tlsError };
}

interface WaitOptions {
  readonly clock: Clock;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** Waits for an event of a socket; what comes instead is returned as an error, and the socket is destroyed. */
function untilEvent(
  socket: Socket,
  event: "connect" | "secureConnect",
  { clock, timeout, signal }: WaitOptions,
): Promise<ConnectionError | undefined> {
  return new Promise((resolve) => {
    const finish = (error?: ConnectionError): void => {
      cancel();
      signal?.removeEventListener("abort", onAbort);
      socket.off(event, onEvent).off("error", onError).off("close", onClose);
      if (error !== undefined) socket.on("error", () => undefined).destroy();
      resolve(error);
    };
    const onEvent = (): void => finish();
    const onError = (error: Error): void => finish({ code: codeOf(error), message: error.message });
    const onClose = (): void => finish({ code: "ECONNRESET", message: "the connection was closed" });
    const onAbort = (): void => finish({ code: "ETIMEDOUT", message: "aborted" });
    const cancel = clock.after(timeout, () =>
      finish({ code: "ETIMEDOUT", message: `no ${event} within ${timeout} ms` }),
    );
    socket.on(event, onEvent).on("error", onError).on("close", onClose);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
