import { auth } from "./auth.ts";
import type { Reply } from "./reply.ts";
import * as replies from "./replies.ts";
import type { Handler, Session } from "./state.ts";
import { data, mail, rcpt } from "./transaction.ts";

/** A command that a session knows. */
export interface Command {
  readonly handle: Handler;
  /** What must have happened before. */
  readonly needs: "Nothing" | "Greeting" | "Login";
  /** The client must await its reply: nothing may follow in the same segment (RFC 2920 §3.1, RFC 3207 §4.1, RFC 4954 §4). */
  readonly awaited: boolean;
  /** Counts as a step of a message, not as idling. */
  readonly ofMessage: boolean;
}

const plain = { needs: "Nothing", awaited: false, ofMessage: false } as const;

/** STARTTLS stands with the connection. */
const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["EHLO", { ...plain, handle: ehlo, awaited: true }],
  ["HELO", { ...plain, handle: helo, awaited: true }],
  ["AUTH", { ...plain, handle: auth, awaited: true, needs: "Greeting" }],
  ["MAIL", { ...plain, handle: mail, needs: "Login" }],
  ["RCPT", { ...plain, handle: rcpt, needs: "Login", ofMessage: true }],
  ["DATA", { ...plain, handle: bare(data), needs: "Login", awaited: true, ofMessage: true }],
  ["RSET", { ...plain, handle: bare(rset) }],
  ["NOOP", { ...plain, handle: (session) => session.reply(replies.nothingDone) }],
  ["HELP", { ...plain, handle: (session) => session.reply(replies.helpText) }],
  ["VRFY", { ...plain, handle: (session) => session.reply(replies.cannotVerify) }],
  ...["BDAT", "EXPN", "ETRN", "TURN", "SEND", "SOML", "SAML"].map((verb): [string, Command] => [
    verb,
    { ...plain, handle: (session) => session.reply(replies.commandNotImplemented) },
  ]),
]);

/** The first word of a line, in upper case. */
export function verbOf(line: Buffer): string {
  return (/^[A-Za-z]{1,16}(?=$|[ \t])/.exec(line.toString("latin1", 0, 32))?.[0] ?? "").toUpperCase();
}

/** The command of a verb. */
export function commandOf(verb: string): Command | undefined {
  return commands.get(verb);
}

/** A browser that was talked into speaking SMTP by a hostile page. */
export function isHttp(line: Buffer): boolean {
  return /^[A-Z]{3,8} \S* ?HTTP\/[0-9.]+$/i.test(line.toString("latin1"));
}

/** Why a command may not run yet. Without TLS nothing may but what leads there: RFC 3207 §4. */
export function refuseOrder({ needs }: Command, session: Session): Reply | undefined {
  const { greeted, credentialId } = session.state;
  if (needs === "Nothing") return undefined;
  if (!greeted) return replies.greetFirst;
  if (needs === "Greeting" || credentialId !== undefined) return undefined;
  return session.secure ? replies.authenticationRequired : replies.startTlsFirst;
}

/** What EHLO answers behind its host name (RFC 5321 §4.1.1.1). AUTH shows up with TLS only. */
export function extensions(session: Session): readonly string[] {
  const { secure, state, services } = session;
  return [
    "PIPELINING",
    `SIZE ${services.limits.messageBytes}`,
    ...(secure ? [] : ["STARTTLS"]),
    ...(secure && state.credentialId === undefined ? ["AUTH PLAIN"] : []),
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "SMTPUTF8",
  ];
}

function ehlo(session: Session, line: Buffer): void {
  if (!meet(session, line)) return session.reply(replies.syntaxEhlo);
  session.greet([session.services.hostname, ...extensions(session)]);
}

function helo(session: Session, line: Buffer): void {
  if (!meet(session, line)) return session.reply(replies.syntaxEhlo);
  session.greet([session.services.hostname]);
}

/** A client's own name is not checked, only kept from being nonsense: it is neither trusted nor told to anybody. */
function meet(session: Session, line: Buffer): boolean {
  const greeted = /^[A-Za-z]{4} +[!-~\u0080-\u00ff]{1,255} *$/.test(line.toString("latin1"));
  if (!greeted) return false;
  session.state.greeted = true;
  session.setTransaction(undefined);
  return true;
}

function rset(session: Session): void {
  session.setTransaction(undefined);
  session.reply(replies.flushed);
}

function bare(handle: (session: Session) => void | Promise<void>): Handler {
  return (session, line) =>
    /^[A-Za-z]+\s*$/.test(line.toString("latin1")) ? handle(session) : session.reply(replies.noArguments);
}
