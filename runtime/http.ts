import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

/** Whether the process can do its work; `reasons` say what it waits for, without secrets. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** Worth knowing though it is ready; one line each. */
  readonly notes?: readonly string[];
}

/** A request for a resource beyond those that every process has. */
export interface AdminRequest {
  readonly query: URLSearchParams;
  /** Of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1). Never logged. */
  readonly token: string | undefined;
}

/** An answer to a request. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface AdminOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly metrics: () => Promise<Pick<Registry, "contentType" | "metrics">>;
  readonly readiness: () => Readiness | Promise<Readiness>;
  /** What else is served to GET, by path. */
  readonly resources?: Readonly<Record<string, (request: AdminRequest) => Promise<Page>>>;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

const text = "text/plain; charset=utf-8";

/** A page of one line of plain text. */
export function plainPage(status: number, line: string): Page {
  return { status, type: text, body: `${line}\n` };
}

async function page(path: string, request: AdminRequest, options: AdminOptions): Promise<Page> {
  const { resources = {} } = options;
  const own = Object.hasOwn(resources, path) ? resources[path] : undefined;
  if (own !== undefined) return own(request);
  switch (path) {
    case "/healthz":
      return plainPage(200, "ok");
    case "/readyz": {
      const { ready, reasons, notes = [] } = await options.readiness();
      const lines = [...(ready ? ["ok"] : reasons), ...notes];
      return { status: ready ? 200 : 503, type: text, body: `${lines.join("\n")}\n` };
    }
    case "/metrics": {
      const metrics = await options.metrics();
      return { status: 200, type: metrics.contentType, body: await metrics.metrics() };
    }
    default:
      return plainPage(404, "not found; try /healthz, /readyz or /metrics");
  }
}

/**
 * The admin port: `GET /healthz` (the process lives), `/readyz` (it can do its work) and `/metrics` (Prometheus).
 * Rejects with the error of `listen`, such as EADDRINUSE.
 */
export async function serveAdmin(options: AdminOptions): Promise<AdminServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    const [path = "/", ...query] = (request.url ?? "/").split("?");
    const asked = { query: new URLSearchParams(query.join("?")), token: bearerOf(request.headers.authorization) };
    page(path, asked, options).then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      () => response.writeHead(500, { "content-type": text }).end("internal error\n"),
    );
  });
  await listen(server, options);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return { host: options.host, port, stop: () => close(server) };
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? "")?.[1];
}

function listen(server: Server, { host, port }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
