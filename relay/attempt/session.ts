import { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Clock } from "../../runtime/clock.ts";
import type { Hop } from "../route/hop.ts";
import type { ConnectionError } from "./classify.ts";
import { newDialogue, type Dialogue, type DialogueStage, type MessageReplies } from "./dialogue.ts";
import type { SessionTls } from "./result.ts";
import { openSocket, type SocketLimits } from "./socket.ts";

/** Milliseconds; see the fields of the same names in config.ts. */
export interface SessionLimits extends SocketLimits {
  readonly greetingTimeout: number;
  readonly commandTimeout: number;
  readonly dataTimeout: number;
}

export interface SessionOptions {
  /** Name of this relay, for EHLO. */
  readonly hostname: string;
  readonly limits: SessionLimits;
  readonly clock: Clock;
}

/** A message as it goes to one hop. */
export interface OutgoingMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The content in parts, one after the other; its lines end in CRLF. */
  readonly content: readonly Uint8Array[];
  readonly eightBit: boolean;
}

/** What became of a message: the replies that came, and the error that ended the connection, if one did. */
export interface Transaction {
  readonly replies: MessageReplies;
  readonly error?: ConnectionError;
  /** What was waited for when it ended. */
  readonly stage: DialogueStage;
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
/** Octets of content in one write. */
const chunkSize = 65_536;

/** What nodemailer and Node say of an error. The system's code, where there is one, tells more than nodemailer's. */
export function connectionError(error: unknown): ConnectionError {
  if (!(error instanceof Error)) return { code: "", message: "the connection failed" };
  const code = [Reflect.get(error, "originalCode"), Reflect.get(error, "code")].find(
    (value) => typeof value === "string",
  );
  return { code: typeof code === "string" ? code : "", message: error.message };
}

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
  if (ended === undefined) return { session: sessionOf(connection, hop, dialogue, options) };
  const { stage } = dialogue;
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
    send: (message) => sendMessage(connection, dialogue, message, options),
    reset: () => resetSession(connection, options),
    close(broken = false) {
      if (connection.destroyed || broken) return connection.close();
      connection.quit();
      options.clock.after(closeTimeout, () => connection.close());
      return undefined;
    },
  };
}

function sendMessage(
  connection: SMTPConnection,
  dialogue: Dialogue,
  message: OutgoingMessage,
  { clock, limits }: SessionOptions,
): Promise<Transaction> {
  dialogue.nextMessage();
  return new Promise((resolve) => {
    const finish = (error?: ConnectionError): void => {
      cancel();
      connection.off("error", onError).off("end", onEnd);
      const { message: replies, stage } = dialogue;
      resolve({ replies, stage, ...(error === undefined ? {} : { error }) });
    };
    const onError = (error: unknown): void => finish(connectionError(error));
    const onEnd = (): void => finish({ code: "", message: "the connection was closed" });
    connection.on("error", onError).on("end", onEnd);
    const late = (what: string) => (): void => {
      finish({ code: "ETIMEDOUT", message: `${what} took too long` });
      connection.close();
    };
    let cancel = clock.after(limits.commandTimeout, late("the commands"));
    const startData = (): void => {
      cancel();
      cancel = clock.after(limits.dataTimeout, late("the content"));
    };
    const envelope = {
      from: message.sender,
      to: [...message.recipients],
      size: message.content.reduce((size, part) => size + part.length, 0),
      use8BitMime: message.eightBit,
    };
    const content = Readable.from(chunksOf(message.content, startData), { objectMode: false });
    connection.send(envelope, content, (error) => {
      content.destroy();
      finish(error === null ? undefined : connectionError(error));
    });
  });
}

/** The content in pieces that do not hold the event loop for long. `onStart` is called when the first is asked for. */
function* chunksOf(parts: readonly Uint8Array[], onStart: () => void): Generator<Uint8Array> {
  onStart();
  for (const part of parts) for (let at = 0; at < part.length; at += chunkSize) yield part.subarray(at, at + chunkSize);
}

function resetSession(connection: SMTPConnection, { clock, limits }: SessionOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(limits.commandTimeout, () => {
      connection.close();
      resolve(false);
    });
    connection.once("end", () => resolve(false));
    connection.reset((error) => {
      cancel();
      resolve(error === null);
    });
  });
}
