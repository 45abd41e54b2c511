import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import process from "node:process";
import { createFile, removeFile, replaceFile } from "./atomic-file.ts";

/** The process that holds a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, so that another with the same pid is not taken for it; empty where the system does not say. */
  readonly started: string;
}

/** A lock that is held until it is released. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes a lock that one running process at a time can hold: a file that names the process. What a dead process of this
 * host left is taken over; of a process of another host nothing is known, so it counts as running.
 *
 * A stale lock is never removed, because whoever read it a moment ago would then remove the lock of its successor. It is
 * replaced, and only by the one who holds a second lock beside it and has seen that it is still the stale one.
 */
export async function takeLock(path: string): Promise<Lock | LockHolder> {
  const mine = await describeSelf();
  for (;;) {
    if (await createFile(path, mine)) return { release: () => release(path, mine) };
    const text = await textOf(path);
    if (text === undefined) continue;
    const holder = parseHolder(text);
    if (holder && (await isRunning(holder))) return holder;
    const guard = await takeLock(`${path}.takeover`);
    if (!("release" in guard)) return guard;
    try {
      if ((await textOf(path)) !== text) continue;
      await replaceFile(path, mine);
      return { release: () => release(path, mine) };
    } finally {
      await guard.release();
    }
  }
}

/** This process as the content of a lock, different each time, so that only its own holder releases it. */
async function describeSelf(): Promise<string> {
  const holder: LockHolder = { pid: process.pid, host: hostname(), started: await startOf(process.pid) };
  return `${JSON.stringify({ ...holder, nonce: randomBytes(8).toString("hex") })}\n`;
}

async function release(path: string, mine: string): Promise<void> {
  if ((await textOf(path)) === mine) await removeFile(path);
}

/** The content of a lock; undefined if there is none any more. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, host, started }: { pid?: unknown; host?: unknown; started?: unknown } = value;
    if (typeof pid !== "number" || typeof host !== "string" || typeof started !== "string") return undefined;
    return { pid, host, started };
  } catch {
    return undefined;
  }
}

async function isRunning(holder: LockHolder): Promise<boolean> {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return (await startOf(holder.pid)) === holder.started;
}

/** When a process began: the boot of the machine, and the ticks since then (proc_pid_stat(5), field 22). */
async function startOf(pid: number): Promise<string> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return `${boot.trim()}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""}`;
  } catch {
    return "";
  }
}

/** The running process that holds a lock; undefined when nobody does. Takes nothing. */
export async function holderOf(path: string): Promise<LockHolder | undefined> {
  const holder = parseHolder((await textOf(path)) ?? "");
  return holder && (await isRunning(holder)) ? holder : undefined;
}
