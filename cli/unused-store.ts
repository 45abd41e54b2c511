import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Fleet } from "./fleet.ts";
import { storeAddressOf } from "./open-store.ts";
import { stateLayout } from "./state.ts";

/** The embedded store in a state folder whose fleet file names another one, or undefined. Mail in it is delivered by nobody. */
export async function unusedStore(fleet: Pick<Fleet, "store">, state: string): Promise<string | undefined> {
  const path = stateLayout.store(state);
  const used = storeAddressOf(fleet, state);
  if (used.kind === "File" && resolve(used.path) === resolve(path)) return undefined;
  const exists = access(join(path, "data.mdb")).then(
    () => true,
    () => false,
  );
  return (await exists) ? path : undefined;
}

/** What to do about {@link unusedStore}. */
export function unusedStoreRemedy(path: string, fleet: Pick<Fleet, "store">): string {
  return `\`posthouse store move file:${path} ${fleet.store}\` carries what it holds to an empty store, relays stopped; when it was moved, remove the folder`;
}

export const unusedStoreWarning = "the state folder has an embedded store that is not used: nobody delivers its mail";
