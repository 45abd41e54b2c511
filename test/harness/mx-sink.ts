/**
 * A mail exchanger on loopback that keeps what it gets, says what DKIM, SPF and DMARC make of it, and refuses, drops
 * or waits at any step when it is told to.
 */
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { generate } from "selfsigned";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import {
  act,
  connectionOf,
  consult,
  cutAll,
  replyError,
  scriptCommands,
  stepOf,
  type Connection,
  type MxBehaviour,
  type MxScript,
} from "./mx-script.ts";
import { createVerifier, type MxVerdict } from "./mx-verdict.ts";

/** A message of which the sink has read every octet. */
export interface MxMessage {
  readonly session: string;
  /** Address that the client connected from. */
  readonly ip: string;
  readonly helo: string;
  /** The message came over TLS. */
  readonly secure: boolean;
  /** `MAIL FROM`, "" for the null reverse-path. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** As sent, without dot-stuffing and the final dot. */
  readonly content: Buffer;
  /** Undefined without a `resolver`. */
  readonly verdict: MxVerdict | undefined;
}

export type MxExtension = "STARTTLS" | "8BITMIME" | "SMTPUTF8" | "PIPELINING";

export interface MxSinkOptions {
  /** Name in the greeting; `mx.example.net` when absent. */
  readonly hostname?: string;
  /** Address to listen on; 127.0.0.1 when absent. */
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
  /** `address:port` of the DNS server to verify with; messages are not verified without it. */
  readonly resolver?: string;
  /** Extensions that it does not offer. */
  readonly without?: readonly MxExtension[];
  /** Largest message in octets, as SIZE says. */
  readonly size?: number;
  readonly script?: MxScript;
  /** Gets each message that is answered with 250; none is kept then, for those who send more than fits into memory. */
  readonly onMessage?: (message: MxMessage) => void;
}

/** A running sink. */
export interface MxSink {
  readonly host: string;
  readonly port: number;
  /** Messages answered with 250, in that order. */
  readonly received: readonly MxMessage[];
  /** Messages that were read and then refused or dropped by the script. */
  readonly refused: readonly MxMessage[];
  /** Connections so far. */
  readonly connections: number;
  /** Behaves by another script from now on, or as a good server again. */
  behave(script: MxScript | undefined): void;
  /** Resolves when the predicate holds of this sink, now or after a message or a connection; rejects after `timeout` milliseconds. */
  waitFor(predicate: (sink: MxSink) => boolean, timeout?: number): Promise<MxSink>;
  /** Stops; open connections are cut. */
  close(): Promise<void>;
}

/** Starts a sink. */
export async function startMxSink(options: MxSinkOptions = {}): Promise<MxSink> {
  const { host = "127.0.0.1", hostname = "mx.example.net" } = options;
  const verify = options.resolver === undefined ? undefined : createVerifier(hostname, options.resolver);
  const received: MxMessage[] = [];
  const refused: MxMessage[] = [];
  const waiting = new Set<() => void>();
  let script = options.script;
  let connections = 0;
  const lookAgain = (): void => {
    for (const look of waiting) look();
  };

  const server = new SMTPServer({
    ...(await serverOptions(options, hostname)),
    onConnect(session, done) {
      connections++;
      lookAgain();
      const connection = connectionOf(server, session);
      scriptCommands(connection, session, (step) => script?.(step));
      void consult(script?.(stepOf("CONNECT", "", session)), (behaviour) => {
        if (behaviour) act(connection, { ...behaviour, drop: true }, done);
        else done();
      });
    },
    onData(stream, session, done) {
      const connection = connectionOf(server, session);
      // A client that breaks off in mid-content leaves nothing to take and nobody to answer.
      takeMessage(stream, session).then((behaviour) => answerMessage(connection, behaviour, done), done);
    },
  });

  async function takeMessage(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
  ): Promise<MxBehaviour | undefined> {
    const message = await readMessage(stream, session);
    const whole = { ...message, verdict: await verify?.(message) };
    const behaviour = await script?.(stepOf("MESSAGE", "", session));
    if (!options.onMessage) (behaviour ? refused : received).push(whole);
    else if (!behaviour) options.onMessage(whole);
    return behaviour;
  }

  function answerMessage(
    connection: Connection,
    behaviour: MxBehaviour | undefined,
    done: (error: Error | null, text?: string) => void,
  ): void {
    if (behaviour?.drop === true) act(connection, behaviour, () => undefined);
    else if (behaviour) done(replyError(behaviour.reply ?? "451 4.3.0 Refused by the script"));
    else done(null, "2.0.0 Ok: kept");
    lookAgain();
  }
  // A client that breaks off shows there too; what became of its message shows in what was received.
  server.on("error", () => undefined);
  const listener = server.listen(options.port ?? 0, host);
  await once(listener, "listening");
  const address = listener.address();

  const sink: MxSink = {
    host,
    port: typeof address === "object" && address ? address.port : 0,
    received,
    refused,
    get connections() {
      return connections;
    },
    behave(next) {
      script = next;
    },
    waitFor: (predicate, timeout = 10_000) => waitUntil(sink, waiting, predicate, timeout),
    async close() {
      cutAll(server);
      await new Promise<void>((resolve) => {
        server.close(resolve);
      });
    },
  };
  return sink;
}

async function serverOptions(
  options: MxSinkOptions,
  hostname: string,
): Promise<ConstructorParameters<typeof SMTPServer>[0]> {
  const without = new Set(options.without);
  const { private: key, cert } = await generate([{ name: "commonName", value: hostname }], {
    keyType: "ec",
    algorithm: "sha256",
  });
  return {
    name: hostname,
    key,
    cert,
    authOptional: true,
    disabledCommands: without.has("STARTTLS") ? ["AUTH", "STARTTLS"] : ["AUTH"],
    disableReverseLookup: true,
    hide8BITMIME: without.has("8BITMIME"),
    hideSMTPUTF8: without.has("SMTPUTF8"),
    hidePIPELINING: without.has("PIPELINING"),
    ...(options.size !== undefined && { size: options.size }),
    closeTimeout: 100,
  };
}

async function readMessage(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
): Promise<Omit<MxMessage, "verdict">> {
  const { mailFrom, rcptTo } = session.envelope;
  const envelope = {
    session: session.id,
    ip: session.remoteAddress,
    helo: session.hostNameAppearsAs,
    secure: session.secure,
    sender: mailFrom === false ? "" : mailFrom.address,
    recipients: rcptTo.map((recipient) => recipient.address),
  };
  return { ...envelope, content: await buffer(stream) };
}

function waitUntil(
  sink: MxSink,
  waiting: Set<() => void>,
  predicate: (sink: MxSink) => boolean,
  timeout: number,
): Promise<MxSink> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      waiting.delete(look);
      const counts = `${sink.received.length} messages received, ${sink.refused.length} refused`;
      reject(new Error(`the sink waited ${timeout} ms in vain: ${counts}, ${sink.connections} connections`));
    }, timeout);
    function look(): void {
      if (!predicate(sink)) return;
      clearTimeout(timer);
      waiting.delete(look);
      resolve(sink);
    }
    waiting.add(look);
    look();
  });
}
