// oxlint-disable eslint/no-underscore-dangle -- what smtp-server leaves to subclasses and applications bears such names
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { SMTPConnection, type SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js";
import type { SMTPServer } from "smtp-server";
import type { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { type Refusal, refuse } from "../decision/verdict.ts";
import type { EventTls } from "../event/event.ts";
import { feedLineByLine, type LineForm } from "./command-lines.ts";
import { commandOf, isHttp, refuseOrder, verbOf } from "./commands.ts";
import { type Deadlines, deadlines } from "./deadlines.ts";
import { emptyTally, refuseTally } from "./limits.ts";
import { Aborted, receive, type Received } from "./receive.ts";
import type { Reply } from "./reply.ts";
import * as replies from "./replies.ts";
import { refusedEvent } from "./reports.ts";
import type { Handler, RefusalDetails, Session, SessionServices, SessionState, Stage, Transaction } from "./state.ts";

type Deadline = "Authentication" | "Session" | "Message" | "Greeting";

/**
 * One connection of a client. smtp-server gives the parser, the data mode, STARTTLS and the life of the socket; commands
 * and replies are ours, because its own accept too much and derive enhanced codes from the reply number alone.
 */
export class SubmissionConnection extends SMTPConnection implements Session {
  readonly services: SessionServices;
  readonly state: SessionState = {
    greeted: false,
    credentialId: undefined,
    transaction: undefined,
    tally: emptyTally,
  };
  readonly #deadlines: Deadlines<Deadline>;
  readonly #gone = new AbortController();
  /** Every field is set. */
  readonly #ready: boolean;
  /** The TLS socket from the beginning of its handshake on. */
  #top: Socket;
  #line: LineForm = { bareLineFeed: false, followed: false, pipelined: false };
  /** Replies wait for those to the commands that stand behind in the same segment. */
  #holding = false;
  #expected: Handler | undefined;
  #current: Reply | undefined;
  /** What to say and close with as soon as no transaction is open. */
  #ending: Reply | undefined;

  constructor(
    server: SMTPServer,
    socket: Socket,
    options: SMTPConnectionOptions | null | undefined,
    services: SessionServices,
  ) {
    super(server, socket, options);
    this.services = services;
    this.#deadlines = deadlines(services.clock);
    this.#top = socket;
    this.#ready = true;
    if (this._parser !== false) this.#readLines(this._parser);
  }

  get client(): string {
    return this.remoteAddress;
  }

  tls(): EventTls | undefined {
    if (!(this._socket instanceof TLSSocket)) return undefined;
    return { protocol: this._socket.getProtocol() ?? "", cipher: this._socket.getCipher().name, verified: false };
  }

  // What the base class calls

  override init(): void {
    this._setListeners(() => {
      const { limits } = this.services;
      this.#deadlines.arm("Authentication", limits.authenticationTimeout, () => this.#giveUp());
      this.#deadlines.arm("Session", limits.sessionTimeout, () => this.endWhenIdle(replies.sessionTooLong));
      this.#deadlines.arm("Greeting", limits.greetingDelay, () => this.connectionReady());
    });
  }

  override _sendGreeting(): void {
    if (this._parser !== false && this._parser._remainder !== "") this.reply(replies.talksTooSoon);
    else super._sendGreeting();
  }

  override _createParser(): SMTPStream {
    const parser = super._createParser();
    // The base class makes the first one in its constructor, before this class has any field.
    if (#ready in this && this.#ready) this.#readLines(parser);
    return parser;
  }

  override _getEnhancedStatusCode(code: number, context?: string | false): string {
    return this.#current?.enhanced ?? super._getEnhancedStatusCode(code, context);
  }

  override upgrade(callback: () => void, secureCallback?: () => void): void {
    Object.assign(this.state, { greeted: false, credentialId: undefined });
    this.setTransaction(undefined);
    super.upgrade(callback, secureCallback);
  }

  override _armTimeout(socket: Socket = this._socket): void {
    // smtp-server arms it first thing on the TLS socket that it puts on top of the plain one.
    this.#top = socket;
    super._armTimeout(socket);
  }

  /** Emits `close`, once the socket is gone. */
  override _onClose(): void {
    this.#deadlines.disarmAll();
    this.#gone.abort(new Aborted("the connection is closed"));
    super._onClose();
    this.emit("close");
  }

  override _whenWritable(next: () => void): void {
    if (this._socket.writableNeedDrain) this.#letGo();
    super._whenWritable(next);
  }

  override _onCommand(line: Buffer, next: () => void = () => undefined): void {
    // What came before or during a TLS handshake, and behind a QUIT, is dropped unread.
    if (this._upgrading || this._closing) return next();
    const refusal = this.#refuseLine(line);
    if (refusal !== undefined) return this.#hangUp(refusal);
    const verb = verbOf(line);
    const expected = this.#expected;
    this.#expected = undefined;
    if (expected === undefined && verb === "QUIT") return this.#hangUp(replies.goodbye);
    if (expected === undefined && verb === "STARTTLS") return this.#startTls(line, next);
    this.#run(expected ?? this.#handlerOf(verb), line, next);
  }

  // What commands call

  reply(reply: Reply): void {
    this.#current = reply;
    this.send(reply.code, reply.text);
    this.#current = undefined;
  }

  greet(lines: readonly string[]): void {
    this.send(250, [...lines], false);
  }

  report(stage: Stage, refusal: Refusal, { recipient, messageId, login }: RefusalDetails = {}): void {
    const { services, state } = this;
    const sender = state.transaction === undefined ? undefined : (state.transaction.sender?.address ?? "");
    const recipients =
      recipient === undefined ? [...(state.transaction?.recipients.keys() ?? [])] : [recipient.address];
    services.events(
      refusedEvent(refusal, {
        id: services.nextQueueId(),
        now: services.clock.now(),
        client: this.client,
        stage,
        login: login ?? services.directory().login(state.credentialId ?? ""),
        sender,
        recipients,
        messageId,
      }),
    );
  }

  refuse(stage: Stage, refusal: Refusal, details?: RefusalDetails): void {
    this.report(stage, refusal, details);
    this.reply(refusal.reply);
  }

  setTransaction(transaction: Transaction | undefined): void {
    this.state.transaction = transaction;
    this.#deadlines.disarm("Message");
    // A command that waited for the store may end after the connection: a deadline would then outlive it.
    if (transaction === undefined || this.#gone.signal.aborted) return;
    this.#deadlines.arm("Message", this.services.limits.messageTimeout, () => this.reply(replies.messageTooSlow));
  }

  expectLine(handler: Handler): void {
    this.#expected = handler;
  }

  authenticated(credentialId: string): void {
    this.state.credentialId = credentialId;
    this.#deadlines.disarm("Authentication");
  }

  pause(delay: number): Promise<void> {
    return this.services.clock.sleep(delay, this.#gone.signal);
  }

  openData(onReceived: (received: Received) => Promise<Reply>): void {
    if (this._parser === false) return;
    const stream = this._parser.startDataMode();
    this._dataStream = stream;
    const { limits, budget, log } = this.services;
    receive(stream, limits.messageBytes, budget)
      .then((received) => {
        this.#deadlines.disarm("Message");
        return onReceived(received);
      })
      .catch((error: unknown) => {
        if (!(error instanceof Aborted)) log.error({ err: error }, "cannot take a message");
        return replies.storeFailed;
      })
      .then((reply) => this.#closeData(reply))
      .catch((error: unknown) => log.error({ err: error }, "cannot answer a message"));
  }

  /** Closes with a 421 reply as soon as no transaction is open and no command runs: at once, or after the next. */
  endWhenIdle(reply: Reply): void {
    this.#ending ??= reply;
    this.#endIfIdle();
  }

  /** Closes at once, whatever runs. In a handshake the TLS socket goes: the plain one must not be torn away under it. */
  abort(): void {
    this.#top.destroy();
  }

  // What nobody else calls

  #closeData(reply: Reply): void {
    this._dataStream = false;
    this.setTransaction(undefined);
    this.state.tally = { ...this.state.tally, messages: this.state.tally.messages + 1, idleCommands: 0 };
    this._resetSession();
    this.reply(reply);
    this.#endIfIdle();
    if (this._parser !== false) this._parser.continue();
  }

  #endIfIdle(): void {
    // In a handshake nothing can be said, and to close would tear the plain socket away under it.
    const busy =
      this._handlerPending || this._upgrading || this._dataStream !== false || this.state.transaction !== undefined;
    if (this.#ending !== undefined && !busy) this.#hangUp(this.#ending);
  }

  #readLines(parser: SMTPStream): void {
    feedLineByLine(parser, this.services.clock, (form) => {
      this.#line = form;
      if (form.pipelined) this.#hold();
    });
    parser.removeAllListeners("error");
    parser.on("error", () => this.#hangUp(replies.lineTooLong));
  }

  /** Replies to one group of commands go out in one write: each costs a TLS record and a system call (RFC 2920 §3.2). */
  #hold(): void {
    if (this.#holding) return;
    this.#holding = true;
    this._socket.cork();
  }

  #letGo(): void {
    if (this.#holding) this._socket.uncork();
    this.#holding = false;
  }

  /** Why a line ends the session before any of it is carried out. */
  #refuseLine(line: Buffer): Reply | undefined {
    if (!this._ready) return replies.talksTooSoon;
    if (this.#line.bareLineFeed || line.includes(13)) return replies.bareLineFeed;
    if (isHttp(line)) return replies.httpNotAllowed;
    const verb = verbOf(line);
    const awaited = this.#expected !== undefined || verb === "STARTTLS" || commandOf(verb)?.awaited === true;
    return this.#line.followed && awaited ? replies.unexpectedInput : undefined;
  }

  /** What a verb does now: its command, or the reply that it is unknown, out of order, or one too many. */
  #handlerOf(verb: string): Handler {
    const command = commandOf(verb);
    const { tally } = this.state;
    const unknownCommands = tally.unknownCommands + (command === undefined ? 1 : 0);
    const idleCommands = tally.idleCommands + (command?.ofMessage === true ? 0 : 1);
    this.state.tally = { ...tally, unknownCommands, idleCommands };
    const end = refuseTally(this.state.tally, this.services.limits);
    if (end !== undefined) return () => this.refuse("Connect", refuse(end, "TooManyCommands"));
    if (command === undefined) return () => this.reply(replies.unknownCommand);
    const outOfOrder = refuseOrder(command, this);
    return outOfOrder === undefined ? command.handle : () => this.reply(outOfOrder);
  }

  #run(handler: Handler, line: Buffer, next: () => void): void {
    const proceed = (): void => {
      this._handlerPending = false;
      if (!this.#line.pipelined) this.#letGo();
      this.#endIfIdle();
      this._whenWritable(next);
    };
    const fail = (error: unknown): void => {
      if (error instanceof Aborted) return;
      this.services.log.error({ err: error }, "a command failed");
      this.reply(replies.storeFailed);
      proceed();
    };
    this._handlerPending = true;
    try {
      const running = handler(this, line);
      if (running === undefined) proceed();
      else running.then(proceed, fail);
    } catch (error) {
      fail(error);
    }
  }

  #startTls(line: Buffer, next: () => void): void {
    this.#letGo();
    const refusal = line.toString("latin1").trim().length > "STARTTLS".length ? replies.noArguments : undefined;
    if (refusal !== undefined || this.secure) {
      this.reply(refusal ?? replies.tlsActive);
      return next();
    }
    this.reply(replies.readyForTls);
    this.upgrade(next, () => this.#endIfIdle());
  }

  #giveUp(): void {
    if (this._upgrading) this.abort();
    else this.reply(replies.notAuthenticatedInTime);
  }

  #hangUp(reply: Reply): void {
    this.reply(reply);
    this.close();
  }
}
