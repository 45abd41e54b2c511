/** Applications of a soak: they read their Secret, connect to some relay, send, and write down what they were told. */
import { setTimeout as sleep } from "node:timers/promises";
import { type LoadClient, openLoadClient } from "../harness/load-client.ts";
import type { Submission } from "./evidence.ts";
import { namespace, secretOf, type Sender, senders } from "./manifests.ts";
import { createMessage, drawSize } from "./message.ts";

export interface ClientsOptions {
  readonly relays: readonly { readonly name: string; readonly port: number }[];
  /** What a Secret holds now, by its name. */
  readonly secret: (name: string) => Readonly<Record<string, string>> | undefined;
  /** Connections at once. */
  readonly connections: number;
  readonly random: () => number;
}

export interface Clients {
  readonly submissions: readonly Submission[];
  /** Replies other than 250, without what is different in each, and how often they were given. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Ends after the message that is under way; waits no longer than `patience` ms for its reply. */
  stop(patience: number): Promise<void>;
}

/** Most of a connection's messages before another relay gets the next. */
const mostMessages = 30;
/** Milliseconds between two messages, at most; and after a refusal. */
const pause = { between: 300, refused: 400 };
const people = ["anna", "bert", "clara", "dora", "emil"];
const places = ["friend.example", "peer.example", "colleague.example"];

/** Begins to send. */
export function startClients(options: ClientsOptions): Clients {
  const submissions: Submission[] = [];
  const refusals = new Map<string, number>();
  const open = new Set<LoadClient>();
  const state = { stopping: false, count: 0 };
  const refuse = (reply: string): void => {
    const kind = reply.replace(/in [0-9]+ seconds?/, "in a while");
    refusals.set(kind, (refusals.get(kind) ?? 0) + 1);
  };
  const parts: Parts = { options, submissions, refuse, open, state };
  const work = Array.from({ length: options.connections }, (_, i) => {
    const sender = senders[i % senders.length];
    if (!sender) throw new Error("nobody sends");
    return goOn(sender, parts);
  });
  return {
    submissions,
    refusals,
    async stop(patience) {
      state.stopping = true;
      const late = new AbortController();
      const cut = async (): Promise<void> => {
        await sleep(patience, undefined, { signal: late.signal });
        for (const client of open) client.close();
      };
      await Promise.race([Promise.all(work), cut()]);
      late.abort();
      await Promise.all(work);
    },
  };
}

interface Parts {
  readonly options: ClientsOptions;
  readonly submissions: Submission[];
  readonly refuse: (reply: string) => void;
  readonly open: Set<LoadClient>;
  readonly state: { stopping: boolean; count: number };
}

/** Connects and sends, again and again. */
async function goOn(sender: Sender, parts: Parts): Promise<void> {
  const { options, open, state, refuse } = parts;
  while (!state.stopping) {
    const relay = options.relays[Math.floor(options.random() * options.relays.length)];
    const secret = options.secret(secretOf(sender));
    if (!relay || !secret) throw new Error(`no relay, or no Secret ${secretOf(sender)}`);
    const plain = Buffer.from(`\0${secret["username"]}\0${secret["password"]}`).toString("base64");
    try {
      const client = await openLoadClient({ port: relay.port, plain, sender: `app@${sender.tenant}.example` });
      open.add(client);
      await sendSome(sender, relay.name, client, parts).finally(() => {
        client.close();
        open.delete(client);
      });
    } catch (error) {
      const said = error instanceof Error ? /got: (.*)$/.exec(error.message)?.[1] : undefined;
      refuse(said ?? "the connection ended, or was refused");
      await sleep(pause.refused);
    }
  }
}

async function sendSome(sender: Sender, relay: string, client: LoadClient, parts: Parts): Promise<void> {
  const { options, submissions, refuse, state } = parts;
  for (let left = 1 + options.random() * mostMessages; left > 0 && !state.stopping; left -= 1) {
    state.count += 1;
    const token = `${state.count}.${sender.environment}@${sender.tenant}.example`;
    const from = `app@${sender.tenant}.example`;
    const { content } = createMessage(token, from, drawSize(options.random), options.random);
    const recipients = drawRecipients(options.random);
    const startedAt = Date.now();
    const outcome = await client.send(content, ...recipients).catch(() => undefined);
    submissions.push({
      token,
      tenant: `${namespace}/${sender.tenant}`,
      recipients,
      route: sender.route,
      relay,
      startedAt,
      endedAt: Date.now(),
      reply: outcome,
    });
    if (outcome === undefined) throw new Error("the connection ended");
    if (!outcome.startsWith("250")) refuse(outcome);
    await sleep(outcome.startsWith("250") ? options.random() * pause.between : pause.refused);
    if (outcome.startsWith("421")) return;
  }
}

/** One to four, at one to three domains. */
function drawRecipients(random: () => number): readonly [string, ...string[]] {
  const draw = (): string => {
    const [person = "anna", place = "friend.example"] = [people, places].map(
      (words) => words[Math.floor(random() * words.length)],
    );
    return `${person}@${place}`;
  };
  const found = new Set(Array.from({ length: random() < 0.5 ? 1 : 2 + Math.floor(random() * 3) }, draw));
  const [first = draw(), ...others] = found;
  return [first, ...others];
}
