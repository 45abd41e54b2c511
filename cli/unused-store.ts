import { access, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Transfer } from "../relay/store/transfer.ts";
import { removeFile, replaceFile } from "../runtime/atomic-file.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Fleet } from "./fleet.ts";
import { storeAddressOf } from "./open-store.ts";
import { stateLayout } from "./state-layout.ts";
import { placeOf } from "./store-place.ts";

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

export interface RunningStore {
  readonly fleet: Fleet;
  readonly state: string;
  /** Open. */
  readonly store: { readonly transfer: Pick<Transfer, "mark"> };
  readonly log: Logger;
}

/** Warns of mail in a store that the fleet file names no longer: it would wait unnoticed. Remembers the Redis that it names now. */
export async function warnOfUnusedStores({ fleet, state, store, log }: RunningStore): Promise<void> {
  const path = await unusedStore(fleet, state);
  if (path !== undefined) log.warn({ part: "store", path, remedy: unusedStoreRemedy(path, fleet) }, unusedStoreWarning);
  const address = storeAddressOf(fleet, state);
  const file = stateLayout.lastRedis(state);
  if (address.kind !== "File")
    return remember(file, { store: fleet.store ?? "", place: placeOf(address, fleet), at: systemClock.now() });
  const last = await lastRedis(file);
  if (last === undefined) return;
  const mark = await store.transfer.mark();
  // Who began to work on the Redis again after that move has mail there again.
  if (mark?.kind === "ArrivedFrom" && mark.place === last.place && mark.at >= last.at) return removeFile(file);
  const remedy = `\`posthouse store move ${last.store} file:${resolve(address.path)}\` with the --fleet of then carries what it holds to an empty store, relays stopped; when nothing is left there, remove ${file}`;
  log.warn({ part: "store", redis: last.place, remedy }, unusedRedisWarning);
}

export const unusedRedisWarning = "the last start was on a Redis that is not used now: nobody delivers the mail in it";

/** A Redis by its address, which has no password, and by what people call it. */
interface LastRedis {
  readonly store: string;
  readonly place: string;
  /** When work on it began last. */
  readonly at: number;
}

async function remember(file: string, redis: LastRedis): Promise<void> {
  // A folder that cannot be written takes no embedded store either.
  await replaceFile(file, `${JSON.stringify(redis)}\n`).catch(() => undefined);
}

async function lastRedis(file: string): Promise<LastRedis | undefined> {
  try {
    const { store, place, at }: Partial<Record<keyof LastRedis, unknown>> = JSON.parse(await readFile(file, "utf8"));
    return typeof store === "string" && typeof place === "string" && typeof at === "number"
      ? { store, place, at }
      : undefined;
  } catch {
    return undefined;
  }
}
