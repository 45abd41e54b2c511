import { access } from "node:fs/promises";
import { join } from "node:path";
import { readFolderState, type FolderState } from "../cluster/folder/read-state.ts";
import { openStore } from "../relay/store/lmdb/open-store.ts";
import type { Store } from "../relay/store/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { createLogger } from "../runtime/log.ts";
import { UserError } from "./terminal.ts";

/** Where things lie under the folder that `--state` names. Objects and status are the folder cluster's. */
export const stateLayout = {
  store: (state: string): string => join(state, "store"),
  tls: (state: string): string => join(state, "tls"),
} as const;

function explain(error: unknown): never {
  throw error instanceof Error ? new UserError(error.message, { cause: error }) : error;
}

/** The objects and status in a state folder, read once, also while `posthouse up` runs on it. */
export async function openState(state: string): Promise<FolderState> {
  return readFolderState(state).catch(explain);
}

/** Looks into the store of a state folder, also while `posthouse up` runs on it. Never makes one. */
export async function withStoreOf<T>(state: string, look: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStoreOf(state);
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}

async function openStoreOf(state: string): Promise<Store> {
  const path = stateLayout.store(state);
  await access(path).catch(() => {
    throw new UserError(`there is no store in ${state}; is that the --state of a \`posthouse up\`?`);
  });
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  return openStore({ path, clock: systemClock, log }).catch(explain);
}
