import { TLSSocket } from "node:tls";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Clock } from "../../runtime/clock.ts";
import type { Hop } from "../route/hop.ts";
import type { ConnectionError } from "./classify.ts";
import { newDialogue, type Dialogue, type DialogueStage } from "./dialogue.ts";
import type { SessionTls } from "./result.ts";
import { openSocket, type SocketLimits } from "./socket.ts";
import {
  connectionError,
  resetSession,
  sendMessage,
  type OutgoingMessage,
  type Transaction,
  type TransactionTimeouts,
} from "./transaction.ts";

/** Milliseconds; see the fields of the same names in config.ts. */
export interface SessionLimits extends SocketLimits, TransactionTimeouts {
  readonly greetingTimeout: number;
}

export interface SessionOptions {
  /** Name of this relay, for EHLO. */
  readonly hostname: string;
  readonly limits: SessionLimits;
  readonly clock: Clock;
}

/** An open session with a hop, past EHLO and STARTTLS. */
export interface Session {
  readonly hop: Hop;
  readonly tls: SessionTls | undefined;
  readonly extensions: ReadonlyMap<string, string>;
  /** The connection still stands, as far as is known. */
  readonly isOpen: boolean;
  /** Sends one message. Never rejects. */
  send(message: OutgoingMessage): Promise<Transaction>;
  /** Ends a transaction that failed, so that another can follow; false when it cannot. */
  reset(): Promise<boolean>;
  /** Says QUIT, or cuts the line when it is `broken`. */
  close(broken?: boolean): void;
}

/** Why a session was not opened: at what stage, with what reply, if there was one. */
export interface OpenFailure {
  readonly stage: DialogueStage;
  readonly reply?: string;
  readonly error: ConnectionError;
}

export type Opened = { readonly session: Session } | { readonly failure: OpenFailure };

/** A single reply must not be longer than this, in octets. */
const longestReply = 65_536;
/** Milliseconds for the peer to close its side after QUIT. */
const closeTimeout = 1000;

function smtpOptions(hop: Hop, options: SessionOptions): SMTPConnection.Options {
  const { start, verify } = hop.tls;
  const { ca, greetingTimeout, commandTimeout, dataTimeout } = options.limits;
  return {
    host: hop.host,
    port: hop.port,
    secure: start === "Implicit",
    secured: start === "Implicit",
    ignoreTLS: start === "Never",
    requireTLS: start === "Required",
    opportunisticTLS: start === "IfOffered",
    name: options.hostname,
    connectionTimeout: greetingTimeout,
    greetingTimeout,
    // Our own deadlines are shorter: they bound a whole step, not only the silence in it.
    socketTimeout: greetingTimeout + commandTimeout + dataTimeout,
    socketCloseTimeout: closeTimeout,
    maxResponseSize: longestReply,
    tls: { rejectUnauthorized: verify, ...(verify && ca !== undefined ? { ca: [...ca] } : {}) },
  };
}

const ignore = (): void => undefined;

/** nodemailer tells what was said to a logger only; content is never logged, because `debug` stays off. */
function recordingLogger(dialogue: Dialogue): SMTPConnection.Options["logger"] {
  const debug = (entry: unknown, text: unknown): void => {
    const side: unknown = typeof entry === "object" && entry !== null ? Reflect.get(entry, "tnx") : undefined;
    if (typeof text !== "string") return;
    if (side === "client") dialogue.client(text);
    if (side === "server") dialogue.server(text);
  };
  return { debug, trace: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore };
}

function tlsOf(connection: SMTPConnection, hop: Hop): SessionTls | undefined {
  // oxlint-disable-next-line eslint/no-underscore-dangle -- declared as public; STARTTLS makes a socket of its own
  const socket = connection._socket;
  if (!(socket instanceof TLSSocket)) return undefined;
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().name,
    verified: hop.tls.verify && socket.authorized,
  };
}

/** Opens a session: connects, reads the greeting, says EHLO, and starts TLS as the hop's policy wants. Never rejects. */
export async function openSession(hop: Hop, options: SessionOptions, signal?: AbortSignal): Promise<Opened> {
  const opened = await openSocket(hop, options.limits, options.clock, signal);
  if ("error" in opened) return { failure: opened };
  const dialogue = newDialogue();
  const connection = new SMTPConnection({
    ...smtpOptions(hop, options),
    connection: opened.socket,
    logger: recordingLogger(dialogue),
    transactionLog: true,
  });
  const ended = await setUp(connection, options, signal);
  const { stage, deferredHello } = dialogue;
  if (deferredHello !== undefined) {
    connection.close();
    return { failure: { stage: "Hello", error: deferred, reply: deferredHello } };
  }
  if (ended === undefined) return { session: sessionOf(connection, hop, dialogue, options) };
  connection.close();
  return { failure: { stage, error: ended, ...replyOf(ended, connection) } };
}

/** Goes through greeting, EHLO and STARTTLS. Returns what went wrong. */
function setUp(
  connection: SMTPConnection,
  { clock, limits }: SessionOptions,
  signal?: AbortSignal,
): Promise<ConnectionError | undefined> {
  return new Promise((resolve) => {
    const finish = (error?: ConnectionError): void => {
      cancel();
      signal?.removeEventListener("abort", onAbort);
      resolve(error);
    };
    const onAbort = (): void => finish({ code: "ETIMEDOUT", message: "aborted" });
    const cancel = clock.after(limits.greetingTimeout, () =>
      finish({ code: "ETIMEDOUT", message: "the session was not set up in time" }),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    // It stays for as long as the connection: a later error without a listener would end the process.
    connection.on("error", (error: unknown) => finish(connectionError(error)));
    connection.once("end", () => finish({ code: "", message: "the connection was closed" }));
    connection.connect((error) => finish(error ? connectionError(error) : undefined));
  });
}

const deferred: ConnectionError = { code: "EPROTOCOL", message: "EHLO was refused for now" };

/** The reply that ended the session's set-up: the last one, when it was a refusal. */
function replyOf(error: ConnectionError, connection: SMTPConnection): { reply?: string } {
  const last = connection.lastServerResponse;
  return error.code !== "ETIMEDOUT" && typeof last === "string" && /^[45][0-9]{2}/.test(last) ? { reply: last } : {};
}

function sessionOf(connection: SMTPConnection, hop: Hop, dialogue: Dialogue, options: SessionOptions): Session {
  return {
    hop,
    tls: tlsOf(connection, hop),
    extensions: dialogue.extensions,
    get isOpen() {
      return !connection.destroyed;
    },
    send: (message) => sendMessage({ connection, dialogue, clock: options.clock, timeouts: options.limits }, message),
    reset: () => resetSession(connection, options.clock, options.limits.commandTimeout),
    close(broken = false) {
      if (connection.destroyed || broken) return connection.close();
      connection.quit();
      options.clock.after(closeTimeout, () => connection.close());
      return undefined;
    },
  };
}
