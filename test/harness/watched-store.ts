import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import type { Ledger } from "../../relay/store/ledger.ts";
import type { NewMessage, Spool } from "../../relay/store/spool.ts";
import type { Store } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";

/** A store with a window on what sessions put into it and a hand on how it fails. */
export interface WatchedStore {
  readonly spool: Spool;
  readonly ledger: Ledger;
  readonly accepted: readonly NewMessage[];
  /** Called before each message goes to the store; what it throws is the failure of the store, while it waits so does the session. */
  before: () => void | Promise<void>;
  /** What the ledger answers; replace it to let the ledger fail. */
  usage: Ledger["usage"];
  /** Closes the store, and removes its folder if it was made for this. */
  readonly close: () => Promise<void>;
}

/** Watches a store that is open; the embedded one in a folder of its own when there is none. */
export async function watchedStore(opened?: Store): Promise<WatchedStore> {
  const path = await mkdtemp(join(tmpdir(), "posthouse-store-"));
  const log = createLogger({ level: "fatal", destination: process.stderr });
  const store = opened ?? (await openStore({ path, clock: systemClock, log }));
  const accepted: NewMessage[] = [];
  const watched: WatchedStore = {
    accepted,
    before: () => undefined,
    usage: (tenant) => store.ledger.usage(tenant),
    ledger: { ...store.ledger, usage: (tenant) => watched.usage(tenant) },
    spool: {
      ...store.spool,
      async accept(message) {
        await watched.before();
        const result = await store.spool.accept(message);
        if (typeof result === "string" && result !== "Exhausted") accepted.push(message);
        return result;
      },
    },
    async close() {
      await store.close();
      await rm(path, { recursive: true });
    },
  };
  return watched;
}
