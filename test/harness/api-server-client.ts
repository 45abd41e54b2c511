/** The least client of an API server: one request, one answer, whatever its code. Tests look with it at what others did. */
import { once } from "node:events";
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { Pair } from "./control-plane-pki.ts";

export interface Asking {
  /** Default: GET. */
  readonly method?: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default: `application/json`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly code: number;
  /** Parsed where it is JSON, else text. */
  readonly body: unknown;
}

export interface ApiServerClient {
  readonly ask: (asking: Asking) => Promise<Answer>;
  readonly close: () => void;
}

export function askApiServer(url: string, ca: string, user: Pair): ApiServerClient {
  const agent = new Agent({ ca, cert: user.cert, key: user.key, keepAlive: true });
  return {
    async ask({ method = "GET", path, query = {}, body, contentType = "application/json", headers = {} }) {
      const target = new URL(path, url);
      for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
      const sent = request(target, {
        agent,
        method,
        timeout: 60_000,
        headers: { accept: "application/json", ...(body !== undefined && { "content-type": contentType }), ...headers },
      });
      sent.on("timeout", () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
      sent.end(body === undefined ? undefined : JSON.stringify(body));
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      const said = await text(answer);
      const isJson = answer.headers["content-type"]?.startsWith("application/json") === true;
      return { code: answer.statusCode ?? 0, body: isJson ? (JSON.parse(said) as unknown) : said };
    },
    close: () => agent.destroy(),
  };
}
