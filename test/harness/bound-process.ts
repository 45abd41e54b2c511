/** Child processes that do not outlive the process that started them. */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { existsSync } from "node:fs";

const setpriv = "/usr/bin/setpriv";

/** Whether a child dies with this process however that ends. */
export const canBind = existsSync(setpriv);

/**
 * Starts a program that gets SIGKILL when this process ends, SIGKILL of this one included. Where there is no setpriv, as beyond
 * Linux, it gets it when this process exits by itself.
 */
export function spawnBound(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  if (canBind) return spawn(setpriv, ["--pdeathsig", "KILL", program, ...args], options);
  const child = spawn(program, args, options);
  const reap = (): void => void child.kill("SIGKILL");
  process.once("exit", reap);
  child.once("close", () => process.off("exit", reap));
  return child;
}
