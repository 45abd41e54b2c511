import type { Registry } from "prom-client";
import { describeStoreAddress, parseStoreAddress, type StoreAddress } from "../relay/store/address.ts";
import type { StoreCondition } from "../relay/store/condition.ts";
import type { Store } from "../relay/store/store.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Fleet } from "./fleet.ts";
import { scanStore } from "./scan-store.ts";
import { stateLayout } from "./state-layout.ts";
import { lockStore } from "./store-lock.ts";
import { describeMark } from "./store-mark.ts";
import { UserError } from "./terminal.ts";

/** The store of a fleet, open. */
export interface FleetStore {
  readonly store: Store;
  readonly condition: () => Promise<StoreCondition>;
}

export interface OpenFleetStore {
  readonly fleet: Fleet;
  /** The state folder: the embedded store is in it when the fleet file names no other. */
  readonly state: string;
  readonly log: Logger;
  /** Absent for commands that only look. */
  readonly metrics?: Registry;
  /** This process alone delivers from it, if it is embedded. */
  readonly sole?: boolean;
}

/** What is told of the embedded store. */
const cannotWrite = "the store cannot be written; is its disk full?";

/**
 * Opens the store that the fleet file names. Rejects with StoreUnavailable or a UserError, saying what to do. Commands
 * that only look take a Redis as it is.
 */
export async function openFleetStore(options: OpenFleetStore): Promise<FleetStore> {
  const opened = await openEngine(options);
  const { metrics } = options;
  if (metrics === undefined) return opened;
  const { conditionMetrics } = await import("../relay/store/condition.ts");
  const { timedStore } = await import("../relay/store/timed.ts");
  conditionMetrics(metrics, opened.condition);
  return { ...opened, store: timedStore(opened.store, metrics) };
}

async function openEngine(options: OpenFleetStore): Promise<FleetStore> {
  const { fleet, state, log, metrics, sole = false } = options;
  const address = storeAddressOf(fleet, state);
  if (sole && address.kind === "File") await scanStore(address.path, log);
  const lock = sole ? await lockStore(address) : undefined;
  try {
    const opened = await openStoreAt(address, options);
    if (metrics !== undefined) await refuseMoved(opened.store, address);
    return lock === undefined ? opened : { ...opened, store: closing(opened.store, () => lock.release()) };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

/** A store that was moved away, or has not all that is moved to it, is no relay's to run on. */
async function refuseMoved(store: Store, address: StoreAddress): Promise<void> {
  const mark = await store.transfer.mark();
  if (mark === undefined || mark.kind === "ArrivedFrom") return;
  await store.close();
  throw new UserError(`${describeStoreAddress(address)} cannot be run on: ${describeMark(mark)}`);
}

function closing(store: Store, then: () => Promise<void>): Store {
  return {
    ...store,
    async close() {
      await store.close();
      await then();
    },
  };
}

/** What {@link openStoreAt} takes of {@link OpenFleetStore}. */
export type OpenStoreAt = Pick<OpenFleetStore, "fleet" | "log" | "metrics" | "sole"> & {
  /** What it writes must be as durable as the mail of a relay, also without metrics. */
  readonly durable?: boolean;
};

/** Opens a store by its address. Loads the code of that engine alone. */
export async function openStoreAt(address: StoreAddress, options: OpenStoreAt): Promise<FleetStore> {
  const { log, sole = false } = options;
  if (address.kind === "File") {
    const { openStore } = await import("../relay/store/lmdb/open-store.ts");
    const store = await openStore({ path: address.path, clock: systemClock, log, sole });
    const condition = async (): Promise<StoreCondition> => ({
      durability: "Verified",
      refuses: (await store.ready()) ? undefined : cannotWrite,
    });
    return { store, condition };
  }
  const { openFleetRedis } = await import("./fleet-redis.ts");
  return openFleetRedis(address, options);
}

/** Where the store of a fleet is. */
export function storeAddressOf({ store }: Pick<Fleet, "store">, state: string): StoreAddress {
  return store === undefined ? { kind: "File", path: stateLayout.store(state) } : parseStoreAddress(store);
}
