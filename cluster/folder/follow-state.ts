import { once } from "node:events";
import { join } from "node:path";
import { watch } from "chokidar";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { keyOf, keyText, type ClusterObject } from "../object.ts";
import { type Cluster, Refused } from "../port.ts";
import { createCache, type Cache } from "../cache.ts";
import { createRescanTimer } from "./rescan-timer.ts";
import { readState } from "./state-files.ts";
import { refuseOpenFolder, unusable } from "./state-folder.ts";

export interface FollowOptions {
  readonly state: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A cluster that only reads: every write is {@link Refused}. */
export interface FollowedFolder extends Cluster {
  close(): Promise<void>;
}

/** Milliseconds; a revocation must act within a second. */
const timing = { settle: 50, patience: 300, rescan: 10_000 };

/**
 * Follows the state folder that another process keeps: what that writes is seen here a moment later. Takes no lock and
 * writes nothing. Throws a StateFolderError that says what to do if it cannot be read.
 */
export async function followState({ state, clock, log }: FollowOptions): Promise<FollowedFolder> {
  const cache = createCache((err) => log.error({ err }, "a watcher of objects failed"));
  const known = new Map<string, string>();
  const onError = (err: unknown): void =>
    log.warn({ err }, "the state folder cannot be read now; what was read before stays");
  const timer = createRescanTimer({ clock, timing, onError }, async () => {
    const { generated } = await readState(state);
    adopt(cache, known, generated);
  });
  await refuseOpenFolder(state).catch((error: unknown) => {
    throw unusable(state, error);
  });
  const watcher = watch(join(state, "objects"), { ignoreInitial: true });
  watcher.on("all", timer.soon);
  watcher.on("error", onError);
  const close = async (): Promise<void> => {
    await watcher.close();
    await timer.stop();
  };
  try {
    await once(watcher, "ready");
    await timer.now();
  } catch (error) {
    await close();
    throw unusable(state, error);
  }
  const { get, list } = cache;
  return { get, list, watch: cache.watch, create: refuse, apply: refuse, applyStatus: refuse, delete: refuse, close };
}

function refuse(): Promise<never> {
  return Promise.reject(new Refused("this process follows the state folder and writes nothing"));
}

/** Takes over what is new, changed or gone. */
function adopt(cache: Cache, known: Map<string, string>, objects: readonly ClusterObject[]): void {
  const seen = new Set<string>();
  for (const object of objects) {
    const key = keyText(keyOf(object));
    const text = JSON.stringify(object);
    seen.add(key);
    if (known.get(key) === text) continue;
    known.set(key, text);
    cache.set(object);
  }
  for (const kind of ["Secret", "ConfigMap"] as const)
    for (const object of cache.list(kind)) {
      const key = keyText(keyOf(object));
      if (seen.has(key)) continue;
      known.delete(key);
      cache.remove(keyOf(object));
    }
}
