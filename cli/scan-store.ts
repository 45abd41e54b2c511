import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { CheckResult } from "./store-check.ts";
import { UserError } from "./terminal.ts";

const main = new URL(import.meta.url.endsWith(".ts") ? "main.ts" : "main.js", import.meta.url).pathname;
/** After so many milliseconds the log says that a scan is under way. */
const patience = 5000;

/**
 * Verifies the embedded store in a folder before it is opened, in a process of its own: damage may end that one, never
 * this. A damaged file is set aside, and what can be read of it put into a new one; what is missing is logged. Rejects with
 * a UserError, and leaves the file where it is, when that cannot be done.
 */
export async function scanStore(path: string, log: Logger): Promise<void> {
  const isThere = await access(join(path, "data.mdb")).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  const begun = systemClock.now();
  const found = await ask(path, [], log);
  if (found.code === 0) {
    log.info({ path, seconds: (systemClock.now() - begun) / 1000 }, "the store is in order");
    return;
  }
  if (found.code === 2) throw new UserError(found.said);
  log.error({ path, problems: found.result?.problems.slice(0, 20) }, "the store is damaged: what can be read is kept");
  const repaired = await ask(path, ["--repair"], log);
  const { setAside, missing = [] } = repaired.result ?? {};
  if (setAside === undefined)
    throw new UserError(
      `the store in ${path} is damaged and could not be repaired, nothing was changed: ${repaired.said}`,
    );
  log.error(
    { path, setAside, missing },
    missing.length === 0
      ? "the damaged file was set aside; no message is missing"
      : "the damaged file was set aside; these messages are missing in whole or in part",
  );
}

interface Answer {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly said: string;
  readonly result: CheckResult | undefined;
}

async function ask(path: string, more: readonly string[], log: Logger): Promise<Answer> {
  const args = [...process.execArgv, main, "store", "check", `file:${path}`, "--format", "json", ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  const stopTelling = systemClock.after(patience, () => log.info({ path }, "verifying the store"));
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  try {
    await once(child, "close");
  } finally {
    stopTelling();
    process.off("exit", end);
  }
  const said = stderr.trim() === "" ? `the check ended with ${child.signalCode ?? child.exitCode}` : stderr.trim();
  return { code: child.exitCode ?? undefined, said, result: read(stdout) };
}

function read(text: string): CheckResult | undefined {
  try {
    const result: CheckResult = JSON.parse(text);
    return result;
  } catch {
    return undefined;
  }
}
