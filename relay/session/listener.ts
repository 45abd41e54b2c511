// oxlint-disable eslint/no-underscore-dangle -- what smtp-server leaves to subclasses and applications bears such names
import { constants } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { SMTPServer } from "smtp-server";
import type { Certificate } from "./certificate.ts";
import type { ListenerConfig } from "./config.ts";
import { SubmissionConnection } from "./connection.ts";
import { type ConnectionCounter, countConnections } from "./limits.ts";
import * as replies from "./replies.ts";
import type { SessionServices } from "./state.ts";

/** A listener cannot start; the message names it, the port and what to do. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** A port that takes submissions. */
export interface Listener {
  readonly name: string;
  readonly address: AddressInfo;
  /** Handshakes from now on use this certificate. */
  useCertificate(certificate: Certificate): void;
  readonly connections: () => number;
  /** Takes no new connections, ends idle ones, lets transactions finish until `deadline` (ms), then cuts them off. */
  stop(deadline: number): Promise<void>;
}

/** Longer than any command of ours with its parameters, and than an AUTH PLAIN response of sense. */
const longestCommandLine = 4096;

/** Starts to listen; rejects with {@link ListenError}. */
export async function listen(
  config: ListenerConfig,
  certificate: Certificate,
  services: SessionServices,
): Promise<Listener> {
  const server = createServer(config, certificate, services);
  const counter = countConnections(services.limits);
  const gate = guard(server, config, services, counter);
  const sessions = openSessions(server, services, gate);
  await bind(server, config);
  server.on("error", (error) => services.log.debug({ err: error, listener: config.name }, "a connection failed"));
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new ListenError(`listener ${config.name} has no port`);
  return {
    name: config.name,
    address,
    useCertificate: ({ cert, key }) => server.updateSecureContext({ cert, key }),
    connections: counter.total,
    stop: (deadline) => stop(server, sessions, services, deadline),
  };
}

function createServer(config: ListenerConfig, { cert, key }: Certificate, services: SessionServices): SMTPServer {
  return new SMTPServer({
    name: services.hostname,
    secure: config.tls === "Implicit",
    cert,
    key,
    minVersion: "TLSv1.2",
    // A client that renegotiates buys our work for nothing.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    logger: false,
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    maxCommandLength: longestCommandLine,
    socketTimeout: services.limits.idleTimeout,
  });
}

/** The connections of a listener, until their sockets are gone. */
interface Sessions {
  readonly open: ReadonlySet<SubmissionConnection>;
  /** Ends them, and those that come yet, when their transactions have. */
  end(): void;
}

/** Makes a server use our connection class. */
function openSessions(server: SMTPServer, services: SessionServices, gate: Gate): Sessions {
  const open = new Set<SubmissionConnection>();
  let ending = false;
  server.connect = (socket, options) => {
    const connection = new SubmissionConnection(server, socket, options, services);
    open.add(connection);
    server.connections.add(connection);
    connection.once("close", () => {
      open.delete(connection);
      gate.leave(socket);
    });
    connection.on("error", (error) => server.emit("error", error));
    connection.init();
    if (ending) connection.endWhenIdle(replies.shuttingDown);
  };
  return {
    open,
    end() {
      ending = true;
      for (const connection of open) connection.endWhenIdle(replies.shuttingDown);
    },
  };
}

/** Counts who is in. */
interface Gate {
  /** A socket that was let in is gone: smtp-server takes all listeners off it at STARTTLS, those of `close` among them. */
  leave(socket: Socket): void;
}

/** Stands before smtp-server's own listener: counts connections, and bounds the handshake of implicit TLS. */
function guard(
  server: SMTPServer,
  config: ListenerConfig,
  services: SessionServices,
  counter: ConnectionCounter,
): Gate {
  const inside = new Map<Socket, () => void>();
  const leave = (socket: Socket): void => {
    inside.get(socket)?.();
    inside.delete(socket);
  };
  const accept = server.server.listeners("connection");
  server.server.removeAllListeners("connection");
  server.server.on("connection", (socket: Socket) => {
    const address = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const refusal = counter.admit(address);
    if (refusal !== undefined) return turnAway(socket, config, replies.replyText(refusal));
    const cancel = services.clock.after(services.limits.authenticationTimeout, () =>
      server._pendingSockets.get(socket)?.destroy(),
    );
    inside.set(socket, () => {
      cancel();
      counter.release(address);
    });
    socket.once("close", () => leave(socket));
    for (const listener of accept) listener.call(server.server, socket);
  });
  return { leave };
}

/** Tells why where the client can read it; behind implicit TLS it cannot. */
function turnAway(socket: Socket, config: ListenerConfig, text: string): void {
  socket.on("error", () => undefined);
  if (config.tls === "Implicit") socket.destroy();
  else socket.end(`${text}\r\n`, () => socket.destroy());
}

function bind(server: SMTPServer, { name, host, port }: ListenerConfig): Promise<void> {
  const where = `${host ?? "*"} port ${port}`;
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const code = "code" in error ? String(error.code) : error.message;
      const why: Readonly<Record<string, string>> = {
        EADDRINUSE: "the port is in use; stop what uses it, or give the listener another port",
        EACCES: "ports below 1024 need a privilege; give the listener a higher port",
        EADDRNOTAVAIL: "this machine has no such address",
      };
      reject(new ListenError(`listener ${name} cannot listen on ${where}: ${why[code] ?? code}`, { cause: error }));
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

/** Milliseconds that a handshake of implicit TLS may take when a relay stops: its client can then be told why. */
const longestHandshake = 3000;

/**
 * smtp-server's own `close` would answer every further command with 421, in the middle of a transaction too, so it is
 * not used: each connection ends when its transaction has.
 */
async function stop(
  server: SMTPServer,
  sessions: Sessions,
  services: SessionServices,
  deadline: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.server.close(() => resolve()));
  const endHandshakes = services.clock.after(Math.min(deadline, longestHandshake), () => {
    for (const pending of server._pendingSockets.values()) pending.destroy();
  });
  sessions.end();
  const cancel = services.clock.after(deadline, () => {
    services.log.warn({ connections: sessions.open.size }, "connections did not end in time and are cut off");
    for (const connection of sessions.open) connection.abort();
  });
  await closed;
  endHandshakes();
  cancel();
}
