import { createInterface } from "node:readline";
import type { Allowance } from "../../contract/credits.ts";
import { draft } from "../../relay/store/port-suite/fixture.ts";
import type { AcceptResult, NewMessage } from "../../relay/store/spool.ts";
import { type Store, StoreUnavailable } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { openRedisStore } from "./redis-store.ts";

/** What a sender is to send: messages to so many recipients each, all at once. */
export interface Sending {
  readonly tenant: string;
  readonly allowance: Allowance;
  readonly messages: readonly { readonly id: string; readonly at: number; readonly recipients: number }[];
}

/** What it was told of one, and how many times it had to ask. */
export interface Sent {
  readonly id: string;
  readonly result: AcceptResult;
  readonly asked: number;
}

/**
 * A process that shares a store on Redis: for each line, a {@link Sending}, it sends everything at once, a message that
 * met an error again under the same id, and answers with a line of what it was told.
 */
async function main(url: string, prefix: string): Promise<void> {
  // What is not known to be taken is taken back, and may not be sent again under its id: so an answer is waited for.
  const timing = { patience: 30_000 };
  const store = await openRedisStore(url, { timing }, prefix);
  process.stdout.write("open\n");
  for await (const line of createInterface({ input: process.stdin })) {
    const { tenant, allowance, messages }: Sending = JSON.parse(line);
    const sent = await Promise.all(
      messages.map(({ id, at, recipients }) => {
        const to = Array.from({ length: recipients }, (_, index) => `p${index}@example.net`);
        return send(store, draft(id, { at, tenant, allowance, to }));
      }),
    );
    process.stdout.write(`sent ${JSON.stringify(sent)}\n`);
  }
  await store.close();
}

async function send(store: Store, message: NewMessage): Promise<Sent> {
  for (let asked = 1; ; asked += 1) {
    try {
      return { id: message.envelope.id, result: await store.spool.accept(message), asked };
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await systemClock.sleep(20);
    }
  }
}

const [, , url = "", prefix = ""] = process.argv;
if (import.meta.main) await main(url, prefix);
