import { Agent, ProxyAgent, type Dispatcher } from "undici";
import type { Logger } from "../../runtime/log.ts";
import { whileAllowed } from "../../runtime/while-allowed.ts";
import { ApiError } from "./api-error.ts";
import type { ApiRequest } from "./api.ts";
import type { Access } from "./access.ts";
import { beforeSending } from "./before-sending.ts";
import type { Credentials } from "./credentials.ts";
import type { RequestCounter } from "./request-counter.ts";

/** Status, headers and body of an answer. */
export type Answer = Dispatcher.ResponseData;

/** The pool of connections to one API server. */
export interface Connections {
  /** Sends a request; rejects with the transport's own error, or when the signal is aborted: it must be whenever {@link closing} is. */
  readonly send: (request: ApiRequest, signal: AbortSignal) => Promise<Answer>;
  /**
   * What to tell of an error: an answer as it is, else the request and why. When the time was over, no connection of the pool is
   * trusted any more.
   */
  readonly failure: (request: ApiRequest, error: unknown, isLate: boolean) => unknown;
  /** Aborted by `close`. */
  readonly closing: AbortSignal;
  /** Breaks off what is under way; nothing is sent any more. */
  readonly close: () => Promise<void>;
}

interface Pool {
  readonly access: Access;
  readonly agent: Dispatcher;
}

/** Opens nothing yet; connections are made when they are needed. */
export function openConnections(credentials: Credentials, log: Logger, count: RequestCounter): Connections {
  const closing = new AbortController();
  // An agent that is being closed does not know its connections any more: only their own signals reach them.
  const retired = new Set<Promise<unknown>>();
  const used = new WeakMap<ApiRequest, Dispatcher>();
  let pool: Pool | undefined;

  const retire = (): void => {
    if (pool === undefined) return;
    // What is under way, watches above all, ends in its own time.
    const ending = pool.agent.close().catch(() => undefined);
    pool = undefined;
    retired.add(ending);
    void ending.then(() => retired.delete(ending));
  };
  const ready = async (signal: AbortSignal): Promise<Pool> => {
    const access = await whileAllowed(credentials.current(), signal);
    signal.throwIfAborted();
    if (pool !== undefined && pool.access.fingerprint !== access.fingerprint) {
      log.info({ server: access.server }, "the credentials for the API server changed; connecting anew");
      retire();
    }
    pool = { access, agent: pool?.agent ?? agentFor(access) };
    return pool;
  };
  return {
    async send(request, signal) {
      used.delete(request);
      const { access, agent } = await ready(signal);
      used.set(request, agent);
      const { host } = new URL(access.server);
      return counted(sendOver(agent, request, wireRequest(request, access, signal)), (code) =>
        count(code, request.method, host),
      );
    },
    failure(request, error, isLate) {
      // Of many that are late at once the first one has seen to it.
      if (isLate && used.get(request) === pool?.agent) retire();
      // A server that presents another certificate may be one whose authority was replaced.
      if (isTlsError(error)) void credentials.renew().catch(() => undefined);
      const late = isLate ? `no ${used.has(request) ? "answer" : "credentials"} in time` : undefined;
      return failureOf(request, error, late);
    },
    closing: closing.signal,
    async close() {
      closing.abort(new Error("the connections to the API server are closed"));
      const last = pool?.agent;
      pool = undefined;
      await Promise.all([last?.destroy(), ...retired]);
    },
  };
}

function sendOver(agent: Dispatcher, { beforeSend }: ApiRequest, options: Dispatcher.RequestOptions): Promise<Answer> {
  const way = beforeSend === undefined ? agent : agent.compose(beforeSending(beforeSend));
  return way.request(options);
}

async function counted(asked: Promise<Answer>, count: (code: number | "<error>") => void): Promise<Answer> {
  try {
    const answer = await asked;
    count(answer.statusCode);
    return answer;
  } catch (error) {
    count("<error>");
    throw error;
  }
}

function failureOf({ method, path, signal }: ApiRequest, error: unknown, late: string | undefined): unknown {
  if (error instanceof ApiError) return error;
  if (signal?.aborted === true) return signal.reason ?? error;
  return new Error(`${method} ${path}: ${late ?? reasonOf(error)}`, { cause: error });
}

function agentFor({ tls, proxy }: Access): Dispatcher {
  // HTTP/1.1: a connection of its own for each watch, so that one that stalls holds up nothing else.
  const common = { allowH2: false, keepAliveTimeout: 30_000, headersTimeout: 0, bodyTimeout: 0 };
  const sockets = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 10_000 };
  if (proxy === undefined) return new Agent({ ...common, connect: { ...tls, ...sockets } });
  return new ProxyAgent({ ...common, uri: proxy, requestTls: { ...tls, ...sockets }, proxyTls: sockets });
}

function wireRequest(request: ApiRequest, { server, headers }: Access, signal: AbortSignal): Dispatcher.RequestOptions {
  const { origin, pathname } = new URL(server);
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) if (value !== undefined) query.set(name, value);
  const path = `${pathname.replace(/\/$/, "")}${request.path}`;
  const common = { ...headers, accept: request.accept ?? "application/json", "user-agent": "posthouse" };
  return {
    origin,
    path: query.size > 0 ? `${path}?${query.toString()}` : path,
    method: request.method,
    signal,
    ...(request.body === undefined
      ? { headers: common }
      : {
          headers: { ...common, "content-type": request.contentType ?? "application/json" },
          body: JSON.stringify(request.body),
        }),
  };
}

function isTlsError(error: unknown): boolean {
  const code = codeOf(error);
  return /CERT|^ERR_(TLS|SSL)|SELF_SIGNED|UNABLE_TO/.test(code);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message || codeOf(error) : String(error);
}
