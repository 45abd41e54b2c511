import { openStore } from "../../relay/store/lmdb/open-store.ts";
import type { Store } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";

/** Opens the store in a folder, looks at it, and closes it again. */
export async function withStore<T>(path: string, look: (store: Store) => Promise<T>): Promise<T> {
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  const store = await openStore({ path, clock: systemClock, log });
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}
