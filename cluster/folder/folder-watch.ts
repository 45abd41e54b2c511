import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { basename } from "node:path";

/** Watches folders one by one, not what lies below them: one watch for however many files. */
export interface FolderWatch {
  /** Watches a folder, if it is not watched yet. */
  readonly add: (folder: string) => void;
  /** Ends the watch of every folder but these. */
  readonly keep: (folders: ReadonlySet<string>) => void;
  readonly close: () => void;
}

/** Watches nothing at first. `onChange` hears of a folder and the name in it that changed; null when it is not told which. */
export function createFolderWatch(
  onChange: (folder: string, name: string | null) => void,
  onError: (error: unknown) => void,
): FolderWatch {
  const watchers = new Map<string, FSWatcher>();
  const end = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  return {
    add(folder) {
      if (watchers.has(folder)) return;
      try {
        const watcher = watch(folder, { persistent: false }, (_, name) => {
          // A folder that goes says its own name last; another of that name needs another watch.
          if (name === basename(folder)) end(folder);
          onChange(folder, name);
        });
        watcher.on("error", () => end(folder));
        watchers.set(folder, watcher);
      } catch (error) {
        onError(error);
      }
    },
    keep(folders) {
      for (const folder of watchers.keys()) if (!folders.has(folder)) end(folder);
    },
    close() {
      for (const folder of watchers.keys()) end(folder);
    },
  };
}
