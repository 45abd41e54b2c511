/** What must not outlive this process, however it ends: child processes and a folder of temporary files. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Reaper {
  /** A new folder; it goes with everything in it. */
  readonly folder: string;
  /** Has this child killed when this process ends before it. Gives it back. */
  readonly watch: <Child extends ChildProcess>(child: Child) => Child;
  /** Kills every watched child that still runs, and removes the folder. */
  readonly end: () => Promise<void>;
}

/**
 * Reads pids from a pipe that ends with the one who wrote them, SIGKILL or not; kills those then, and removes a folder.
 * A killed process that nobody waits for stays visible, so it waits five seconds at most.
 */
const script = `
folder=$1 pids=
while read -r sign pid; do
  rest=
  for known in $pids; do [ "$known" = "$pid" ] || rest="$rest $known"; done
  pids=$rest
  [ "$sign" = + ] && pids="$pids $pid"
done
tries=0
while [ -n "$pids" ] && kill -9 $pids 2>/dev/null && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
rm -rf "$folder"
`;

/** Starts a reaper with a folder named `posthouse-NAME-...`. */
export async function startReaper(name: string): Promise<Reaper> {
  const folder = await mkdtemp(join(tmpdir(), `posthouse-${name}-`));
  // A session of its own: what ends a terminal's or a test runner's whole group does not end this.
  const watcher = spawn("/bin/sh", ["-c", script, "reaper", folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watcher.stdin.on("error", () => undefined);
  const gone = once(watcher, "exit");
  // A process that has nothing else to do may end.
  watcher.unref();
  return {
    folder,
    watch(child) {
      const { pid } = child;
      if (pid === undefined) return child;
      watcher.stdin.write(`+ ${pid}\n`);
      child.once("exit", () => watcher.stdin.writable && watcher.stdin.write(`- ${pid}\n`));
      return child;
    },
    async end() {
      watcher.ref();
      watcher.stdin.end();
      await gone;
    },
  };
}
