import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { spawnBound } from "./bound-process.ts";

/** A child process that is spoken to in lines. */
export interface LineProcess {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  send(line: string): void;
  /** The first line that matches, of all or of those from number `from` on; rejects when the process ends without one. */
  saw(pattern: RegExp, from?: number): Promise<string>;
  /** Resolves when it ended and all that it said was read. */
  over(): Promise<void>;
  /** Kills it with SIGKILL, and waits until it is gone and all that it said was read. */
  kill(): Promise<void>;
}

/** Starts `command`. Its standard error is dropped unless `VERBOSE` is set: fault tests make it noisy. */
export function startLineProcess(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): LineProcess {
  const [file, ...args] = command;
  const stderr = process.env["VERBOSE"] === undefined ? "ignore" : "inherit";
  const child = spawnBound(file, args, { stdio: ["pipe", "pipe", stderr], env: { ...process.env, ...env } });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error(`${file} has no pipes`);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const reader = createInterface({ input: stdout });
  reader.on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const closed = (async () => {
    await once(child, "close");
    ended = true;
    for (const look of waiting) look();
  })();
  stdin.on("error", () => undefined);

  return {
    child,
    lines,
    send: (line) => void stdin.write(`${line}\n`),
    saw: (pattern, from = 0) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line, index) => index >= from && pattern.test(line));
          if (found === undefined && !ended) return;
          waiting.delete(look);
          if (found === undefined) reject(new Error(`the process ended without a line like ${String(pattern)}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
    over: () => closed,
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
