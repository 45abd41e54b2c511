/** What both sides said, as far as an attempt asks for it. Replies stand in the order of their commands (RFC 5321 §4.2). */
export interface Dialogue {
  /** Notes a command that was sent. */
  client(line: string): void;
  /** Notes a complete reply, of one or more lines. */
  server(reply: string): void;
  /** Forgets the last message; extensions stay. */
  nextMessage(): void;
  /** What is waited for, or was last: `TLS` while a handshake is under way. */
  readonly stage: DialogueStage;
  /** Keywords of the last EHLO reply, upper case, with their parameters. Empty after HELO. */
  readonly extensions: ReadonlyMap<string, string>;
  /** The refusal of EHLO that is to pass: a session that goes on with HELO would lack what the hop offers (RFC 5321 §4.1.1.1). */
  readonly deferredHello: string | undefined;
  readonly message: MessageReplies;
}

export type DialogueStage =
  | "Connect"
  | "Hello"
  | "StartTLS"
  | "TLS"
  | "Auth"
  | "Mail"
  | "Rcpt"
  | "Data"
  | "Content"
  | "Idle";

/** The raw replies to the commands of one message, as far as they came. */
export interface MessageReplies {
  readonly mail?: string;
  /** In the order of the recipients. */
  readonly recipients: readonly string[];
  readonly data?: string;
  /** To the end of the content. */
  readonly content?: string;
}

const stages: Readonly<Record<string, DialogueStage>> = {
  EHLO: "Hello",
  HELO: "Hello",
  STARTTLS: "StartTLS",
  AUTH: "Auth",
  MAIL: "Mail",
  RCPT: "Rcpt",
  DATA: "Data",
  RSET: "Idle",
  QUIT: "Idle",
};

/** The most extensions that are remembered of a reply. */
const mostExtensions = 100;

function readExtensions(reply: string): ReadonlyMap<string, string> {
  const [, ...lines] = reply.split(/\r?\n/);
  return new Map(
    lines.slice(0, mostExtensions).map((line) => {
      const [keyword = "", ...parameters] = line.slice(4).trim().split(/\s+/);
      return [keyword.toUpperCase(), parameters.join(" ")];
    }),
  );
}

/** The replies to a message with one more, which answered at `stage`. */
function withReply(message: MessageReplies, stage: DialogueStage, reply: string): MessageReplies {
  if (stage === "Mail") return { ...message, mail: reply };
  if (stage === "Rcpt") return { ...message, recipients: [...message.recipients, reply] };
  if (stage === "Data") return { ...message, data: reply };
  return stage === "Content" ? { ...message, content: reply } : message;
}

/** An empty dialogue that waits for the greeting. */
export function newDialogue(): Dialogue {
  const waiting: DialogueStage[] = ["Connect"];
  let last: DialogueStage = "Connect";
  let extensions: ReadonlyMap<string, string> = new Map();
  let deferredHello: string | undefined;
  let message: MessageReplies = { recipients: [] };

  let isChallenged = false;

  const take: Partial<Record<DialogueStage, (reply: string) => void>> = {
    Hello: (reply) => {
      extensions = readExtensions(reply);
      if (reply.startsWith("4")) deferredHello ??= reply;
    },
    StartTLS: (reply) => {
      if (reply.startsWith("2")) last = "TLS";
    },
    Data: (reply) => {
      // Some hops say 250 instead of 354, and are sent the content all the same.
      if (/^[23]/.test(reply)) waiting.unshift("Content");
    },
  };

  return {
    client(line) {
      // The answer to a challenge, which is no command.
      if (isChallenged) waiting.push("Auth");
      // A lone dot ends a content that was already waited for.
      else if (line !== ".") waiting.push(stages[line.slice(0, 8).split(" ")[0]?.toUpperCase() ?? ""] ?? "Idle");
    },
    server(reply) {
      last = waiting.shift() ?? "Idle";
      isChallenged = last === "Auth" && reply.startsWith("334");
      take[last]?.(reply);
      message = withReply(message, last, reply);
    },
    nextMessage() {
      message = { recipients: [] };
      waiting.length = 0;
      last = "Idle";
    },
    get stage() {
      return waiting[0] ?? last;
    },
    get extensions() {
      return extensions;
    },
    get deferredHello() {
      return deferredHello;
    },
    get message() {
      return message;
    },
  };
}
