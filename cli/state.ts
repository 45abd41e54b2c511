import { readFolderState, type FolderState } from "../cluster/folder/read-state.ts";
import { UserError } from "./terminal.ts";

function explain(error: unknown): never {
  throw error instanceof Error ? new UserError(error.message, { cause: error }) : error;
}

/** The objects and status in a state folder, read once, also while `posthouse up` runs on it. */
export async function openState(state: string): Promise<FolderState> {
  return readFolderState(state).catch(explain);
}
