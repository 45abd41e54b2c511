import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

/** Whether the process can do its work; `reasons` say what it waits for, without secrets. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** Worth knowing though it is ready; one line each. */
  readonly notes?: readonly string[];
}

export interface AdminOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly metrics: () => Promise<Pick<Registry, "contentType" | "metrics">>;
  readonly readiness: () => Readiness | Promise<Readiness>;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const text = "text/plain; charset=utf-8";

async function page(path: string, options: AdminOptions): Promise<Page> {
  switch (path) {
    case "/healthz":
      return { status: 200, type: text, body: "ok\n" };
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
      return { status: 404, type: text, body: "not found; try /healthz, /readyz or /metrics\n" };
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
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    page(path, options).then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      () => response.writeHead(500, { "content-type": text }).end("internal error\n"),
    );
  });
  await listen(server, options);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  return { host: options.host, port, stop: () => close(server) };
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
