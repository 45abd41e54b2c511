import type { EventSink, EventTls } from "../event/event.ts";
import type { Refusal } from "../decision/verdict.ts";
import type { Login } from "../directory.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Mailbox } from "./address.ts";
import type { IntakeServices } from "./intake.ts";
import type { OctetBudget, Tally } from "./limits.ts";
import type { Received } from "./receive.ts";
import type { Reply } from "./reply.ts";

/** A mail transaction (RFC 5321 §3.3) from MAIL to the end of DATA. */
export interface Transaction {
  /** Undefined for the null reverse-path. */
  readonly sender: Mailbox | undefined;
  readonly smtpUtf8: boolean;
  /** By address: a recipient named twice is one. */
  readonly recipients: Map<string, Mailbox>;
  readonly startedAt: number;
}

/** What a session remembers between commands. STARTTLS forgets all of it (RFC 3207 §4.2). */
export interface SessionState {
  greeted: boolean;
  /** Set by a successful AUTH; what it stands for is looked up anew for each message. */
  credentialId: string | undefined;
  transaction: Transaction | undefined;
  tally: Tally;
}

/** What a session is given to work with. */
export interface SessionServices extends IntakeServices {
  readonly ledger: Ledger;
  readonly events: EventSink;
  readonly budget: OctetBudget;
}

/** The step of a session at which somebody is refused, as events name it. */
export type Stage = "Connect" | "Auth" | "Mail" | "Rcpt" | "Data";

/** What a refusal is about, as far as the session's state does not tell. */
export interface RefusalDetails {
  readonly recipient?: Mailbox;
  readonly messageId?: string;
  /** Who was refused, when the state does not know yet. */
  readonly login?: Login;
}

/** What the commands of a session may do with their connection. */
export interface Session {
  readonly services: SessionServices;
  readonly state: SessionState;
  /** Address of the client. */
  readonly client: string;
  readonly secure: boolean;
  readonly tls: () => EventTls | undefined;
  /** Sends a reply; one with code 421 closes the connection. */
  reply(reply: Reply): void;
  /** Answers EHLO or HELO: 250 in several lines, without an enhanced code. */
  greet(lines: readonly string[]): void;
  /** Tells in an event that somebody is refused. */
  report(stage: Stage, refusal: Refusal, more?: RefusalDetails): void;
  /** Tells it and sends the reply. */
  refuse(stage: Stage, refusal: Refusal, more?: RefusalDetails): void;
  /** Opens a transaction, whose deadline runs from now on, or ends it. */
  setTransaction(transaction: Transaction | undefined): void;
  /** The next line belongs to this handler, whatever it says. */
  expectLine(handler: Handler): void;
  /** The client is known: the deadline for that ends. */
  authenticated(credentialId: string): void;
  /** Waits; ends early, with a rejection, when the connection goes. */
  pause(delay: number): Promise<void>;
  /** Takes what comes as content until the end of DATA, told to `onReceived`; its reply goes out and commands are read again. */
  openData(onReceived: (received: Received) => Promise<Reply>): void;
}

/** Carries out a command line; its CRLF is off. */
export type Handler = (session: Session, line: Buffer) => void | Promise<void>;
