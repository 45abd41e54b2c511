import type { DecodedPacket } from "dns-packet";
import { decodeMessage, type Query } from "./dns-message.ts";
import type { Endpoint } from "./endpoint.ts";
import { askOverTcp } from "./tcp.ts";
import type { AskOverTcp } from "./tcp-connections.ts";
import { askOverUdp, type Exchange, type ExchangeOptions } from "./udp.ts";

/** How a question travels. `UDP` goes on over TCP when the answer is truncated or looks forged. */
export type Transport = "UDP" | "TCP";

export type Asked =
  | { readonly kind: "Reply"; readonly packet: DecodedPacket }
  | { readonly kind: "Failed"; readonly reason: string };

export interface AskOptions extends ExchangeOptions {
  /** How to ask over TCP; over a connection of its own when absent. */
  readonly overTcp?: AskOverTcp;
}

/** Asks one server one question, once. Never rejects. */
export async function askServer(
  server: Endpoint,
  query: Query,
  transport: Transport,
  { overTcp = askOverTcp, ...options }: AskOptions,
): Promise<Asked> {
  let exchange: Exchange =
    transport === "UDP" ? await askOverUdp(server, query, options) : await overTcp(server, query, options);
  if (exchange.kind === "Suspect") exchange = await overTcp(server, query, options);
  if (exchange.kind === "Failed") return exchange;
  if (exchange.kind === "Suspect") return { kind: "Failed", reason: "forged" };
  const packet = decodeMessage(exchange.packet);
  return packet === undefined ? { kind: "Failed", reason: "a malformed answer" } : { kind: "Reply", packet };
}
