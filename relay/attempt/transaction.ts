import { Readable } from "node:stream";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Clock } from "../../runtime/clock.ts";
import { withheld, type ConnectionError } from "./classify.ts";
import type { Dialogue, DialogueStage, MessageReplies } from "./dialogue.ts";

/** A message as it goes to one hop. */
export interface OutgoingMessage {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The content in parts, one after the other; its lines end in CRLF. */
  readonly content: readonly Uint8Array[];
  readonly eightBit: boolean;
  /** Asked before the final dot: false withholds it, cuts the connection and so leaves the message with us. Yes when absent. */
  readonly mayEnd?: (() => Promise<boolean>) | undefined;
}

/** What became of a message: the replies that came, and the error that ended the connection, if one did. */
export interface Transaction {
  readonly replies: MessageReplies;
  readonly error?: ConnectionError;
  /** What was waited for when it ended. */
  readonly stage: DialogueStage;
}

/** Milliseconds; see the fields of the same names in config.ts. */
export interface TransactionTimeouts {
  readonly commandTimeout: number;
  readonly dataTimeout: number;
}

export interface TransactionParts {
  readonly connection: SMTPConnection;
  /** Where the connection's commands and replies are noted. */
  readonly dialogue: Dialogue;
  readonly clock: Clock;
  readonly timeouts: TransactionTimeouts;
}

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

/** Sends one message over a connection. Never rejects. */
export function sendMessage(
  { connection, dialogue, clock, timeouts }: TransactionParts,
  message: OutgoingMessage,
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
    let cancel = clock.after(timeouts.commandTimeout, late("the commands"));
    const startData = (): void => {
      cancel();
      cancel = clock.after(timeouts.dataTimeout, late("the content"));
    };
    const envelope = {
      from: message.sender,
      to: [...message.recipients],
      size: message.content.reduce((size, part) => size + part.length, 0),
      use8BitMime: message.eightBit,
    };
    const withhold = (): void => {
      finish({ code: withheld, message: "the lease of the delivery ran out before the final dot" });
      connection.close();
    };
    const content = Readable.from(chunksOf(message, { start: startData, withhold }), { objectMode: false });
    connection.send(envelope, content, (error) => {
      content.destroy();
      finish(error === null ? undefined : connectionError(error));
    });
  });
}

/**
 * The content in pieces that do not hold the event loop for long. `start` is called when the first is asked for. Its end, which
 * becomes the final dot, does not come when it may not.
 */
async function* chunksOf(
  { content, mayEnd }: OutgoingMessage,
  { start, withhold }: { readonly start: () => void; readonly withhold: () => void },
): AsyncGenerator<Uint8Array> {
  start();
  const size = content.reduce((sum, part) => sum + part.length, 0);
  // What is small goes out in one piece: each is a system call, and with TLS a record.
  const parts = size <= chunkSize ? [Buffer.concat(content, size)] : content;
  for (const part of parts) for (let at = 0; at < part.length; at += chunkSize) yield part.subarray(at, at + chunkSize);
  if (mayEnd === undefined || (await mayEnd())) return;
  withhold();
  await new Promise<never>(() => undefined);
}

/** Says RSET; false when the session cannot go on. */
export function resetSession(connection: SMTPConnection, clock: Clock, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (canGoOn: boolean): void => {
      cancel();
      connection.off("end", onEnd);
      resolve(canGoOn);
    };
    const onEnd = (): void => finish(false);
    const cancel = clock.after(timeout, () => connection.close());
    connection.on("end", onEnd);
    connection.reset((error) => finish(error === null));
  });
}
