import { join } from "node:path";
import { readFolderState, type FolderState } from "../cluster/folder/read-state.ts";
import { UserError } from "./terminal.ts";

/** Where things lie under the folder that `--state` names. Objects and status are the folder cluster's. */
export const stateLayout = {
  store: (state: string): string => join(state, "store"),
  lastRedis: (state: string): string => join(state, "last-redis.json"),
  tls: (state: string): string => join(state, "tls"),
} as const;

function explain(error: unknown): never {
  throw error instanceof Error ? new UserError(error.message, { cause: error }) : error;
}

/** The objects and status in a state folder, read once, also while `posthouse up` runs on it. */
export async function openState(state: string): Promise<FolderState> {
  return readFolderState(state).catch(explain);
}
