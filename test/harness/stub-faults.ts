/** How answers and connections of the stub API server go wrong. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** What becomes of a request instead of an answer: undefined lets it pass. `Hang` never answers, `Reset` breaks the connection. */
export type Fault = "Hang" | "Reset" | StubAnswer;

/** `Reset`: RST. `Half`: the server's half is closed in mid-stream. `End`: the stream ends as it should. */
export type Cut = "Reset" | "Half" | "End";

export interface StubAnswer {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The answer of an API server that refuses. */
export function status(code: number, reason: string, headers: Readonly<Record<string, string>> = {}): StubAnswer {
  return {
    code,
    headers,
    body: { kind: "Status", apiVersion: "v1", status: "Failure", reason, code, message: reason },
  };
}

/** Answers as told; a text is sent as the page of a proxy that knows no JSON. */
export function answer(response: ServerResponse, { code, headers = {}, body = {} }: StubAnswer): void {
  const isText = typeof body === "string";
  response.writeHead(code, { "content-type": isText ? "text/html" : "application/json", ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

/** Has a request that is not answered yet meet its fault. */
export function misbehave(response: ServerResponse, fault: Fault): void {
  if (fault === "Reset") reset(response.socket);
  else if (fault !== "Hang") answer(response, fault);
}

/** Breaks off a stream that is under way. */
export function cutOff(response: ServerResponse, how: Cut): void {
  if (how === "End") response.end();
  else if (how === "Reset") reset(response.socket);
  else response.socket?.end();
}

/** Under TLS a connection can only be closed at once. */
function reset(socket: Socket | null): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}
