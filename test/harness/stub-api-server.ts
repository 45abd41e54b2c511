/**
 * As much of a Kubernetes API server as lists, watches, creates, changes and deletes take, over plain HTTP or TLS, to go
 * wrong on demand: the next requests of a kind get an answer that a test gives, and open watches are broken in every way that
 * networks know. It validates nothing. What a real server does is tested on a real one.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json as readJson } from "node:stream/consumers";
import { stringify } from "yaml";
import { answer, type Cut, cutOff, type Fault, misbehave, status } from "./stub-faults.ts";
import { placeOf, requestOf, type StubRequest } from "./stub-request.ts";
import { selectorOf, type StubObject } from "./stub-selector.ts";

export type { StubObject };

export interface StubApiServer {
  readonly url: string;
  /** A folder for the files of a test, which goes with the server. */
  readonly folder: string;
  /** Writes a kubeconfig for this server. */
  readonly kubeconfig: (user?: object, cluster?: object) => string;
  /** Every request so far. */
  readonly requests: StubRequest[];
  readonly count: (verb: StubRequest["verb"]) => number;
  /** Connections made so far, TLS or none. */
  readonly connections: () => number;
  /** How many watches are open. */
  readonly watches: () => number;
  /** Is asked about each request, and may take its time. A test gives it. */
  fault: ((request: StubRequest) => Fault | undefined | Promise<Fault | undefined>) | undefined;
  /** Whether changes reach the watches. */
  deaf: boolean;
  readonly put: (path: string, object: object) => void;
  readonly remove: (path: string) => void;
  /** Sends a line to every watch. */
  readonly send: (line: unknown) => void;
  readonly bookmark: () => void;
  /** Forgets every change so far: a watch from before gets an ERROR event. */
  readonly compact: () => void;
  /** Ends every watch so. */
  readonly cut: (how: Cut) => void;
  /** Ends every connection, and shows another certificate from now on. Of a server with TLS. */
  readonly present: (tls: StubTls) => void;
  readonly close: () => Promise<void>;
}

interface Change {
  readonly version: number;
  readonly type: string;
  readonly object: StubObject;
  readonly path: string;
}

interface Watch {
  readonly response: ServerResponse;
  readonly sees: (path: string, object: StubObject) => boolean;
}

interface World {
  readonly objects: Map<string, StubObject>;
  readonly changes: Change[];
  readonly watches: Set<Watch>;
  /** Lists that were begun, by their version. */
  readonly pages: Map<string, readonly StubObject[]>;
  version: number;
  compacted: number;
}

/** PEM of a certificate and its key. */
export interface StubTls {
  readonly cert: string;
  readonly key: string;
}

/** Starts one on a free port. With `tls`, over TLS. */
export async function startStubApiServer(tls?: StubTls): Promise<StubApiServer> {
  const world: World = {
    objects: new Map(),
    changes: [],
    watches: new Set(),
    pages: new Map(),
    version: 100,
    compacted: 0,
  };
  const folder = mkdtempSync(join(tmpdir(), "posthouse-stub-"));
  const sockets = new Set<Socket>();
  let connections = 0;
  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = requestOf(message);
    stub.requests.push(request);
    const fault = await stub.fault?.(request);
    if (fault === undefined) await serve(world, request, { message, response });
    else misbehave(response, fault);
  };
  const listener = (message: IncomingMessage, response: ServerResponse): void => void handle(message, response);
  const secure = tls && createTlsServer(tls, listener);
  const server: Server = secure ?? createServer(listener);
  // Nothing but a test ends a connection.
  server.keepAliveTimeout = 600_000;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stub: StubApiServer = {
    url,
    folder,
    kubeconfig: (user = { token: "stub" }, cluster = {}) => writeConfig(folder, url, { user, cluster }),
    requests: [],
    count: (verb) => stub.requests.filter((request) => request.verb === verb).length,
    connections: () => connections,
    watches: () => world.watches.size,
    fault: undefined,
    deaf: false,
    put: (path, object) => change(world, path, { object, deaf: stub.deaf }),
    remove: (path) => change(world, path, { object: undefined, deaf: stub.deaf }),
    send: (line) => tell(world, line),
    bookmark: () => tell(world, { type: "BOOKMARK", object: { metadata: { resourceVersion: String(world.version) } } }),
    compact: () => void (world.compacted = world.version),
    cut: (how) => [...world.watches].forEach(({ response }) => cutOff(response, how)),
    present(next) {
      secure?.setSecureContext(next);
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stub;
}

function writeConfig(
  folder: string,
  server: string,
  { user, cluster }: { readonly user: object; readonly cluster: object },
): string {
  const file = join(folder, "kubeconfig");
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "stub",
    contexts: [{ name: "stub", context: { cluster: "stub", user: "stub" } }],
    clusters: [
      {
        name: "stub",
        cluster: { server, ...(server.startsWith("http:") && { "insecure-skip-tls-verify": true }), ...cluster },
      },
    ],
    users: [{ name: "stub", user }],
  });
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

async function serve(
  world: World,
  request: StubRequest,
  { message, response }: { readonly message: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const object = world.objects.get(request.path);
  switch (request.verb) {
    case "list":
      return answer(response, { code: 200, body: listOf(world, request) });
    case "watch":
      return openWatch(world, request, response);
    case "get":
      return answer(response, object ? { code: 200, body: object } : status(404, "NotFound"));
    case "create": {
      const body = (await readJson(message)) as StubObject;
      const path = `${request.path}/${body.metadata.name}`;
      if (world.objects.has(path)) return answer(response, status(409, "AlreadyExists"));
      change(world, path, { object: body, deaf: false });
      return answer(response, { code: 201, body: world.objects.get(path) });
    }
    case "delete":
      if (object) change(world, request.path, { object: undefined, deaf: false });
      return answer(response, object ? { code: 200, body: { kind: "Status" } } : status(404, "NotFound"));
    case "other": {
      if (object === undefined) return answer(response, status(404, "NotFound"));
      const { metadata, ...body } = (await readJson(message)) as StubObject;
      const changed = { ...object, ...body, metadata: { ...object.metadata, ...metadata } };
      change(world, request.path, { object: changed, deaf: false });
      return answer(response, { code: 200, body: world.objects.get(request.path) });
    }
  }
}

/** A page of a list; those that follow the first show the same moment. */
function listOf(world: World, { path, query }: StubRequest): object {
  const [version = String(world.version), from = "0"] = (query.get("continue") ?? "").split("/").filter(Boolean);
  const sees = selectorOf(path, query);
  const now = [...world.objects].filter(([at, object]) => sees(at, object)).map(([, object]) => object);
  const items = (from === "0" ? undefined : world.pages.get(version)) ?? now;
  world.pages.set(version, items);
  const limit = Number(query.get("limit") ?? "0") || items.length;
  const next = Number(from) + limit;
  const more = next < items.length ? { continue: `${version}/${next}` } : {};
  return { kind: "List", metadata: { resourceVersion: version, ...more }, items: items.slice(Number(from), next) };
}

function openWatch(world: World, request: StubRequest, response: ServerResponse): void {
  const from = Number(request.query.get("resourceVersion"));
  const watch: Watch = { response, sees: selectorOf(request.path, request.query) };
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  if (from < world.compacted) {
    const object = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
    response.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
    return;
  }
  world.watches.add(watch);
  response.on("close", () => world.watches.delete(watch));
  for (const past of world.changes) if (past.version > from) show(watch, past);
}

function show({ response, sees }: Watch, { path, type, object }: Change): void {
  if (sees(path, object)) response.write(`${JSON.stringify({ type, object })}\n`);
}

function change(
  world: World,
  path: string,
  { object, deaf }: { readonly object: object | undefined; readonly deaf: boolean },
): void {
  const before = world.objects.get(path);
  const version = ++world.version;
  const { namespace, name = "" } = placeOf(path);
  const { metadata } = (object ?? before ?? {}) as Partial<StubObject>;
  const uid = before?.metadata.uid ?? `uid-${version}`;
  const stamped = {
    ...(object ?? before),
    metadata: { ...metadata, name, namespace, uid, resourceVersion: String(version) },
  };
  if (object) world.objects.set(path, stamped);
  else world.objects.delete(path);
  const type = typeOf(before, object);
  const done = { version, type, object: stamped, path };
  world.changes.push(done);
  if (!deaf) for (const watch of world.watches) show(watch, done);
}

function typeOf(before: object | undefined, after: object | undefined): string {
  if (after === undefined) return "DELETED";
  return before ? "MODIFIED" : "ADDED";
}

function tell(world: World, line: unknown): void {
  const text = typeof line === "string" ? line : `${JSON.stringify(line)}\n`;
  for (const { response } of world.watches) response.write(text);
}
