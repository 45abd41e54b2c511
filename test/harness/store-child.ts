import { createInterface } from "node:readline";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import { draft, unlimited } from "../../relay/store/port-suite/fixture.ts";
import { StoreFull } from "../../relay/store/spool.ts";
import type { Store } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { contentOf } from "./numbered-content.ts";

/**
 * A process that does nothing but keep a store: it answers each line of its standard input with a line, when it is
 * done. `accept <id> <size>` -> `accepted <id>`, `full <id>` or `failed <id>`; `deliver` -> `delivered <number>`;
 * `ready` -> `ready true` or `ready false`.
 */
async function main(path: string): Promise<void> {
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  const store = await openStore({ path, clock: systemClock, log });
  say("open");
  for await (const line of createInterface({ input: process.stdin })) void answer(store, line.split(" ")).then(say);
  await store.close();
}

async function answer(store: Store, [verb = "", id = "", size = "0"]: readonly string[]): Promise<string> {
  if (verb === "ready") return `ready ${await store.ready()}`;
  if (verb === "deliver") return `delivered ${await deliver(store)}`;
  const message = draft(id, { at: systemClock.now(), allowance: unlimited, content: contentOf(id, Number(size)) });
  try {
    await store.spool.accept(message);
    return `accepted ${id}`;
  } catch (error) {
    return `${error instanceof StoreFull ? "full" : "failed"} ${id}`;
  }
}

async function deliver(store: Store): Promise<number> {
  const due = await store.spool.claim(systemClock.now(), 100, 60_000);
  const settled = await Promise.all(due.map((delivery) => store.spool.settle(delivery, { kind: "Done" })));
  return settled.filter(Boolean).length;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main(process.argv[2] ?? "");
