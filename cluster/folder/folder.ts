import { stat } from "node:fs/promises";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { keyOf, keyText } from "../object.ts";
import type { ClusterObject } from "../object.ts";
import type { Cluster } from "../port.ts";
import { adoptManifests } from "./adopt.ts";
import { createCache } from "../cache.ts";
import type { FolderParts, Owner } from "./folder-parts.ts";
import { watchManifests } from "./manifests.ts";
import { inOrder, problemText } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { createQueues } from "./queues.ts";
import type { Timing } from "./rescan-timer.ts";
import { reasonOf } from "./scan.ts";
import { readState } from "./state-files.ts";
import { watchState } from "./state-watch.ts";
import { StateFolderError } from "./state-folder-error.ts";
import { holdStateFolder, unusable } from "./state-folder.ts";
import { folderWrites } from "./writes.ts";

/** What a folder cluster needs. */
export interface FolderOptions {
  /** The folder of the user's YAML. */
  readonly manifests: string;
  /** The folder of generated objects and status; made with mode 0700 if there is none. */
  readonly state: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** When the manifests are read; for tests. */
  readonly timing?: Partial<Timing>;
}

/** A cluster that lives in two folders. */
export interface FolderCluster extends Cluster {
  /** What is wrong in the manifests now, in the order of files and lines. */
  problems(): readonly Problem[];
  /** Ends the watch and lets go of the state folder. */
  close(): Promise<void>;
}

/**
 * Opens a folder of manifests and a state folder as a cluster. Resolves when every manifest was read once; bad ones
 * are in `problems()`. Throws a StateFolderError that says what to do if one of the folders cannot be used.
 */
export async function openFolder(options: FolderOptions): Promise<FolderCluster> {
  const lock = await holdStateFolder(options.state);
  try {
    const { folder, remembered } = await load(options);
    // A folder that was there once may come back, and its last good objects count until then.
    if (remembered.size === 0) await refuseMissing(options.manifests);
    let problems: readonly Problem[] = [];
    const manifests = await watchManifests({
      root: options.manifests,
      except: options.state,
      clock: options.clock,
      remembered,
      current: (key) => (folder.owners.has(keyText(key)) ? folder.cache.get(key) : undefined),
      onRead: async (entries, others) => {
        problems = report(options.log, problems, [...others, ...(await adoptManifests(folder, entries))]);
      },
      onError: (err) => options.log.error({ err }, "the manifests cannot be watched; they are read every now and then"),
      ...(options.timing ? { timing: options.timing } : {}),
    });
    const inTurn = createQueues();
    const timing = options.timing ? { timing: options.timing } : {};
    const objects = await watchState({ folder, inTurn, ...timing });
    return {
      ...folderWrites(folder, inTurn),
      get: folder.cache.get,
      list: folder.cache.list,
      watch: folder.cache.watch,
      problems: () => problems,
      async close() {
        await objects.close();
        await manifests.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function load({ state, clock, log }: FolderOptions): Promise<{
  folder: FolderParts;
  remembered: ReadonlyMap<string, readonly ClusterObject[]>;
}> {
  const stored = await readState(state).catch((error: unknown) => {
    throw unusable(state, error);
  });
  const cache = createCache((err) => log.error({ err }, "a watcher of objects failed"));
  const owners = new Map<string, Owner>();
  for (const [file, objects] of stored.manifests) {
    for (const object of objects) {
      owners.set(keyText(keyOf(object)), { key: keyOf(object), file });
      cache.set(object);
    }
  }
  for (const object of stored.generated) {
    owners.delete(keyText(keyOf(object)));
    cache.set(object);
  }
  const all = [...[...stored.manifests.values()].flat(), ...stored.generated];
  let version = Math.max(0, ...all.map(({ metadata }) => Number(metadata.resourceVersion) || 0));
  const nextVersion = (): string => String((version += 1));
  const folder = { state, clock, log, cache, owners, unremembered: new Set<string>(), nextVersion };
  return { folder, remembered: stored.manifests };
}

async function refuseMissing(manifests: string): Promise<void> {
  const found = await stat(manifests).catch(reasonOf);
  if (typeof found !== "string" && found.isDirectory()) return;
  const why = typeof found === "string" ? `cannot be read (${found})` : "is not a folder";
  throw new StateFolderError(`the manifests folder ${manifests} ${why}; make it, or name another one with --manifests`);
}

/** Logs the problems that are new, and says when all are gone. */
function report(log: Logger, before: readonly Problem[], found: readonly Problem[]): readonly Problem[] {
  const problems = inOrder(found);
  const known = new Set(before.map((problem) => JSON.stringify(problem)));
  for (const problem of problems) {
    if (!known.has(JSON.stringify(problem)))
      log.warn({ problem }, `${problemText(problem)}; what was good before stays`);
  }
  if (problems.length === 0 && before.length > 0) log.info("the manifests are all good again");
  return problems;
}
