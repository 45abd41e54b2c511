import { randomUUID } from "node:crypto";
import { open, readdir, stat, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { unfinishedSuffix } from "../../runtime/atomic-file.ts";
import { bad, good, skipped, warning, type Finding } from "./finding.ts";

const mebibyte = 1024 * 1024;
const leastSpace = 100 * mebibyte;
const enoughSpace = 1024 * mebibyte;
/** Milliseconds: a message waits for one flush, so slower disks than this bound the rate visibly. */
const slowFlush = 20;
const flushes = 9;
/** Before this version was made no clock can be right. */
const earliest = Date.parse("2026-11-01T00:00:00Z");
/** What clocks of two writers may differ by without anybody's noticing. */
const tolerance = 5 * 60_000;

/** The state folder: whether it is there and nobody else's to read, how much room it has, and how fast it makes a write durable. */
export async function checkState(state: string, elapsed: () => number): Promise<readonly Finding[]> {
  const found = await stat(state).catch(() => undefined);
  if (found === undefined) return [skipped("state folder", `${state} is not there yet; posthouse up makes it`)];
  if (!found.isDirectory()) return [bad("state folder", `${state} is not a folder`, "name another one with --state")];
  const mode = (found.mode & 0o777).toString(8);
  const isOpen = (found.mode & 0o077) !== 0;
  const access = isOpen
    ? bad("state folder", `${state} holds private keys and is open to others (mode ${mode})`, `run chmod 700 ${state}`)
    : good("state folder", `${state} is its owner's alone`);
  return [access, await checkSpace(state), await checkFlush(state, elapsed)];
}

async function checkSpace(state: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(state);
  return judgeSpace(bavail * bsize);
}

/** `free` in bytes. */
export function judgeSpace(free: number): Finding {
  const found = `${Math.floor(free / mebibyte)} MiB free`;
  const remedy = "make room: on a full disk mail is refused with 452 and keys cannot be made";
  if (free < leastSpace) return bad("disk space", found, remedy);
  return free < enoughSpace ? warning("disk space", found, remedy) : good("disk space", found);
}

async function checkFlush(state: string, elapsed: () => number): Promise<Finding> {
  const path = join(state, `doctor-${randomUUID()}${unfinishedSuffix}`);
  try {
    const file = await open(path, "wx", 0o600);
    try {
      const times: number[] = [];
      for (let i = 0; i < flushes; i++) {
        const before = elapsed();
        await file.write(Buffer.alloc(4096), 0, 4096, 0);
        await file.sync();
        times.push(elapsed() - before);
      }
      return judgeFlush(times.toSorted((a, b) => a - b)[Math.floor(flushes / 2)] ?? 0);
    } finally {
      await file.close();
      await unlink(path);
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return bad("disk flush", `${state} cannot be written (${code})`, "give the user that runs posthouse write access");
  }
}

/** `time` in milliseconds, of one write and its flush. */
export function judgeFlush(time: number): Finding {
  const found = `a durable write takes ${time.toFixed(1)} ms`;
  if (time < slowFlush) return good("disk flush", found);
  return warning("disk flush", found, "every accepted message waits for one: put the state folder on a faster disk");
}

/**
 * Whether the clock can be right: not before this version was made, and not before the newest file of the state folder.
 * Nobody outside is asked for the time; NTP is the system's business.
 */
export async function checkClock(state: string, now: number): Promise<Finding> {
  const names = await readdir(state).catch((): string[] => []);
  const times = await Promise.all(
    names.map((name) =>
      stat(join(state, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return judgeClock(now, Math.max(0, ...times));
}

/** `newest`: when something was last written here; 0 when nothing was. */
export function judgeClock(now: number, newest: number): Finding {
  const time = new Date(now).toISOString();
  const remedy = "set the clock and run NTP: credits, rotation and certificates go by it";
  if (now < earliest) return bad("clock", `it says ${time}, before this version was made`, remedy);
  if (now < newest - tolerance)
    return bad("clock", `it says ${time}, before the newest file of the state folder`, remedy);
  return good("clock", time);
}
