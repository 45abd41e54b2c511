/**
 * Clients that go on sending through one address while relays come and go behind it, as applications do: what was not
 * answered, or refused for now, is sent again. They write down what was taken, and what no client would get over.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Dialogue, dialogue } from "./smtp-dialogue.ts";
import { plainOf } from "./submission.ts";

export interface SteadyLoadOptions {
  /** Takes submissions with TLS from the first octet. */
  readonly host: string;
  /** 465 when absent. */
  readonly port?: number;
  readonly password: string;
  readonly sender: string;
  readonly recipient: string;
  /** Connections at once. */
  readonly clients: number;
  /** Milliseconds between two commands, at most; 120 when absent. */
  readonly longestPause?: number;
}

export interface SteadyLoad {
  /** Message-IDs, without angle brackets, of what was answered with 250. */
  readonly accepted: ReadonlySet<string>;
  /** What is not for a client to retry: 5yz at any time, and 421 while a transaction is open. */
  readonly wrong: readonly string[];
  /** How often a session ended before its client was done, by what it was told then. */
  readonly endings: ReadonlyMap<string, number>;
  /** Ends when each client is done with the message that it is at. */
  stop(): Promise<void>;
}

/** Messages of one connection, for every other client; the rest hold theirs for as long as they may. */
const mostMessages = 2;
const pauseAfterEnd = 200;

/** Begins to send. */
export function startSteadyLoad(options: SteadyLoadOptions): SteadyLoad {
  const accepted = new Set<string>();
  const wrong: string[] = [];
  const endings = new Map<string, number>();
  const state = { stopping: false };
  const log: Log = {
    accepted,
    isStopping: () => state.stopping,
    wrong: (what) => void wrong.push(what),
    ended: (how) => void endings.set(how, (endings.get(how) ?? 0) + 1),
  };
  const clients = Array.from({ length: options.clients }, (_, index) => {
    const most = index % 2 === 0 ? Number.POSITIVE_INFINITY : mostMessages;
    return goOn({ log, name: `${index}`, most, next: 1 }, options);
  });
  return {
    accepted,
    wrong,
    endings,
    async stop() {
      state.stopping = true;
      await Promise.all(clients);
    },
  };
}

interface Log {
  readonly accepted: Set<string>;
  readonly isStopping: () => boolean;
  readonly wrong: (what: string) => void;
  readonly ended: (how: string) => void;
}

/** Why a session is over for its client. */
class Ended extends Error {}

async function goOn(state: Client, options: SteadyLoadOptions): Promise<void> {
  const { log } = state;
  while (!log.isStopping()) {
    let client: Dialogue | undefined;
    try {
      client = await dialogue({ host: options.host, port: options.port ?? 465, implicitTls: true });
      await session(client, options, state);
    } catch (error) {
      log.ended(error instanceof Ended ? error.message : "no connection");
      await sleep(pauseAfterEnd);
    } finally {
      client?.close();
    }
  }
}

interface Client {
  readonly log: Log;
  readonly name: string;
  /** Messages of one connection. */
  readonly most: number;
  /** Number of the next message; one that was not taken is sent again under its number. */
  next: number;
}

async function session(client: Dialogue, options: SteadyLoadOptions, state: Client): Promise<void> {
  const { log } = state;
  const between = { log, isOpen: false };
  expectReply(await client.reply(), "220", "the greeting", between);
  expectReply(await client.say("EHLO app.example"), "250", "EHLO", between);
  expectReply(await client.say(`AUTH PLAIN ${plainOf(options.password)}`), "235", "AUTH", between);
  for (let sent = 0; sent < state.most && !log.isStopping(); sent += 1) {
    const id = `${state.name}.${state.next}@load.example`;
    await transaction(client, id, options, log);
    log.accepted.add(id);
    state.next += 1;
    await pause(options);
  }
}

function pause({ longestPause = 120 }: SteadyLoadOptions): Promise<void> {
  return sleep(Math.random() * longestPause);
}

/** Sends a message, without haste, so that relays are told to stop in the middle of many. */
async function transaction(client: Dialogue, id: string, options: SteadyLoadOptions, log: Log): Promise<void> {
  const open = { log, isOpen: true };
  expectReply(await client.say(`MAIL FROM:<${options.sender}>`), "250", "MAIL", { log, isOpen: false });
  await pause(options);
  expectReply(await client.say(`RCPT TO:<${options.recipient}>`), "250", "RCPT", open);
  await pause(options);
  expectReply(await client.say("DATA"), "354", "DATA", open);
  client.write(`From: <${options.sender}>\r\nMessage-ID: <${id}>\r\n`);
  await pause(options);
  expectReply(await client.say("Subject: load\r\n\r\nx\r\n."), "250", "the final dot", open);
}

/** Throws {@link Ended} unless the reply has the code. */
function expectReply(
  reply: string,
  code: string,
  stage: string,
  { log, isOpen }: { readonly log: Log; readonly isOpen: boolean },
): void {
  if (reply.startsWith(code)) return;
  const isRetried = reply === "" || (reply.startsWith("4") && !(isOpen && reply.startsWith("421")));
  if (!isRetried) log.wrong(`to ${stage}: ${reply}`);
  throw new Ended(reply === "" ? `hung up at ${stage}` : reply);
}
