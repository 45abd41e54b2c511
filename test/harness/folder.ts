import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { openFolder } from "../../cluster/folder/folder.ts";
import type { FolderCluster } from "../../cluster/folder/folder.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import type { Logger } from "../../runtime/log.ts";

/** Two empty folders of a test. */
export interface TestFolders {
  readonly manifests: string;
  readonly state: string;
  /** Opens them as a cluster that reads changes at once. */
  open(onError?: (line: string) => void): Promise<FolderCluster>;
  /** Closes what was opened, and removes the folders. */
  close(): Promise<void>;
}

/** Makes two empty folders, by default side by side, below the system's temporary folder. */
export function testFolders(layout: { state?: string } = {}): TestFolders {
  const root = mkdtempSync(join(tmpdir(), "posthouse-folder-"));
  const manifests = join(root, "manifests");
  const state = join(root, layout.state ?? "state");
  mkdirSync(manifests);
  const opened: FolderCluster[] = [];
  return {
    manifests,
    state,
    async open(onError) {
      const timing = { settle: 10, patience: 100, rescan: 60_000 };
      const cluster = await openFolder({ manifests, state, clock: systemClock, log: quiet(onError), timing });
      opened.push(cluster);
      return cluster;
    },
    async close() {
      for (const cluster of opened) await cluster.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A logger whose lines go nowhere, but those of errors to whoever asks. */
function quiet(onError?: (line: string) => void): Logger {
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      onError?.(chunk.toString());
      done();
    },
  });
  return createLogger({ level: onError ? "error" : "silent", destination });
}
