/** What the stub API server reads off a request. */
import type { IncomingMessage } from "node:http";

/** What a request was. */
export interface StubRequest {
  readonly verb: "list" | "watch" | "get" | "create" | "delete" | "other";
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
}

const place = /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?$/;

/** Namespace and name of the object at a path; `name` is undefined for a collection. */
export function placeOf(path: string): { readonly namespace: string; readonly name: string | undefined } {
  const [, , namespace = "", , name] = place.exec(path) ?? [];
  return { namespace, name };
}

/** Reads all but the body. */
export function requestOf(message: IncomingMessage): StubRequest {
  const { pathname: path, searchParams: query } = new URL(message.url ?? "/", "http://stub");
  const read = placeOf(path).name !== undefined ? "get" : query.get("watch") === null ? "list" : "watch";
  const verbs: Record<string, StubRequest["verb"]> = { GET: read, POST: "create", DELETE: "delete" };
  const { method = "", headers } = message;
  return { verb: verbs[method] ?? "other", method, path, query, headers };
}
