import { TLSSocket } from "node:tls";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SmarthostLogin } from "../../contract/smarthost-secret.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Hop } from "../route/hop.ts";
import type { ConnectionError } from "./classify.ts";
import { newDialogue, type Dialogue, type DialogueStage } from "./dialogue.ts";
import { logIn, withoutPassword } from "./login.ts";
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
  /** The credentials in a Secret that a hop names. */
  readonly loginOf?: (secretName: string) => SmarthostLogin | undefined;
}

/** An open session with a hop, past EHLO, STARTTLS and AUTH. */
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

/** Takes what is secret out of what a hop says. */
type Clean = (text: string) => string;

/** nodemailer tells what was said to a logger only; content is never logged, because `debug` stays off. */
function recordingLogger(dialogue: Dialogue, clean: Clean): SMTPConnection.Options["logger"] {
  const debug = (entry: unknown, text: unknown): void => {
    const side: unknown = typeof entry === "object" && entry !== null ? Reflect.get(entry, "tnx") : undefined;
    if (typeof text !== "string") return;
    if (side === "client") dialogue.client(text);
    if (side === "server") dialogue.server(clean(text));
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

/**
 * Opens a session: connects, reads the greeting, says EHLO, starts TLS as the hop's policy wants, and logs in where the hop
 * names credentials. Never rejects.
 */
export async function openSession(hop: Hop, options: SessionOptions, signal?: AbortSignal): Promise<Opened> {
  const login = hop.login === undefined ? undefined : options.loginOf?.(hop.login);
  if (hop.login !== undefined && login === undefined) return { failure: { stage: "Hello", error: withheld } };
  const opened = await openSocket(hop, options.limits, options.clock, signal);
  if ("error" in opened) return { failure: opened };
  const dialogue = newDialogue();
  const clean = withoutPassword(login);
  const connection = new SMTPConnection({
    ...smtpOptions(hop, options),
    connection: opened.socket,
    logger: recordingLogger(dialogue, clean),
    transactionLog: true,
  });
  const ended = await setUp({ connection, hop, dialogue, login, clean }, options, signal);
  const { stage, deferredHello } = dialogue;
  if (deferredHello !== undefined) {
    connection.close();
    return { failure: { stage: "Hello", error: deferred, reply: deferredHello } };
  }
  if (ended === undefined) return { session: sessionOf(connection, hop, dialogue, { ...options, clean }) };
  connection.close();
  return { failure: { stage: failedAt(ended, stage), error: ended, ...replyOf(ended, connection, clean) } };
}

/** A session that is being set up. */
interface Opening {
  readonly connection: SMTPConnection;
  readonly hop: Hop;
  readonly dialogue: Dialogue;
  readonly login: SmarthostLogin | undefined;
  readonly clean: Clean;
}

/** Goes through greeting, EHLO, STARTTLS and AUTH. Returns what went wrong. */
function setUp(
  { connection, hop, dialogue, login, clean }: Opening,
  { clock, limits }: SessionOptions,
  signal?: AbortSignal,
): Promise<ConnectionError | undefined> {
  return new Promise((resolve) => {
    const finish = (error?: ConnectionError): void => {
      cancel();
      signal?.removeEventListener("abort", onAbort);
      resolve(error === unverified ? error : error && cleaned(error, clean));
    };
    const onAbort = (): void => finish({ code: "ETIMEDOUT", message: "aborted" });
    const cancel = clock.after(limits.greetingTimeout, () =>
      finish({ code: "ETIMEDOUT", message: "the session was not set up in time" }),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    // It stays for as long as the connection: a later error without a listener would end the process.
    connection.on("error", (error: unknown) => finish(connectionError(error)));
    connection.once("end", () => finish({ code: "", message: "the connection was closed" }));
    connection.connect((error) => {
      if (error || login === undefined) finish(error ? connectionError(error) : undefined);
      else if (dialogue.deferredHello !== undefined) finish(deferred);
      else if (tlsOf(connection, hop)?.verified === true) logIn(connection, dialogue.extensions, login, finish);
      else finish(unverified);
    });
  });
}

/** At what stage: nodemailer does not ask the hop where it cannot log in at all. */
function failedAt(error: ConnectionError, stage: DialogueStage): DialogueStage {
  if (error === unverified) return "TLS";
  return error.code === "EAUTH" ? "Auth" : stage;
}

function cleaned({ code, message }: ConnectionError, clean: Clean): ConnectionError {
  return { code, message: clean(message) };
}

const withheld: ConnectionError = { code: "ENOLOGIN", message: "the Secret with the credentials is not there" };
const unverified: ConnectionError = { code: "", message: "credentials go only over verified TLS" };
const deferred: ConnectionError = { code: "EPROTOCOL", message: "EHLO was refused for now" };

/** The reply that ended the session's set-up: the last one, when it was a refusal. */
function replyOf(error: ConnectionError, connection: SMTPConnection, clean: Clean): { reply?: string } {
  const last = connection.lastServerResponse;
  const isRefusal = error.code !== "ETIMEDOUT" && typeof last === "string" && /^[45][0-9]{2}/.test(last);
  return isRefusal ? { reply: clean(last) } : {};
}

function sessionOf(
  connection: SMTPConnection,
  hop: Hop,
  dialogue: Dialogue,
  options: SessionOptions & { readonly clean: Clean },
): Session {
  const { clock, limits, clean } = options;
  return {
    hop,
    tls: tlsOf(connection, hop),
    extensions: dialogue.extensions,
    get isOpen() {
      return !connection.destroyed;
    },
    async send(message) {
      const transaction = await sendMessage({ connection, dialogue, clock, timeouts: limits }, message);
      return transaction.error ? { ...transaction, error: cleaned(transaction.error, clean) } : transaction;
    },
    reset: () => resetSession(connection, clock, limits.commandTimeout),
    close(broken = false) {
      if (connection.destroyed || broken) return connection.close();
      connection.quit();
      clock.after(closeTimeout, () => connection.close());
      return undefined;
    },
  };
}
