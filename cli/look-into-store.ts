import { access } from "node:fs/promises";
import { describeStoreAddress } from "../relay/store/address.ts";
import { StoreUnavailable, type Store } from "../relay/store/store.ts";
import { createLogger } from "../runtime/log.ts";
import { loadFleet } from "./load-fleet.ts";
import { openFleetStore, storeAddressOf } from "./open-store.ts";
import { UserError } from "./terminal.ts";

/** Where the store is that a command looks into. */
export interface StorePlace {
  readonly state: string;
  /** The fleet file; it may name another store than the one in the state folder. */
  readonly fleet?: string;
}

/** Looks into the store of a fleet, also while relays run on it. Never makes one. */
export async function withStoreOf<T>(place: StorePlace, look: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStoreOf(place);
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}

async function openStoreOf({ state, fleet: file }: StorePlace): Promise<Store> {
  const fleet = await loadFleet(file);
  const address = storeAddressOf(fleet, state);
  if (address.kind === "File")
    await access(address.path).catch(() => {
      throw new UserError(
        fleet.store === undefined
          ? `there is no store in ${state}; is that the --state of a \`posthouse up\`? A fleet file that names another store must be named with --fleet`
          : `there is no store in ${describeStoreAddress(address)}`,
      );
    });
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  try {
    return (await openFleetStore({ fleet, state, log })).store;
  } catch (error) {
    throw error instanceof StoreUnavailable ? new UserError(error.message, { cause: error }) : error;
  }
}
