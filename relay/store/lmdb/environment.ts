import { ABORT, open, type RootDatabase } from "lmdb";
import { access, constants, mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../../runtime/log.ts";
import { StoreFull } from "../spool.ts";
import { StoreUnavailable } from "../store.ts";
import { networkFileSystemOf } from "./file-system.ts";
import { hasLmdbHeader } from "./header.ts";
import { groupCommit, type GroupOutcome } from "./group-commit.ts";
import { mailRoom } from "./mail-room.ts";
import { diskOf, roomOf, unusedOctets } from "./room.ts";
import { formatVersion, openTables, type Tables } from "./tables.ts";

/** The LMDB environment in a folder. Reads see what is committed; every write is flushed to disk before it resolves. */
export interface Environment {
  /** The tables, for reading. Throws {@link StoreUnavailable} when there are none. */
  tables(): Tables;
  /**
   * Runs `work` inside a write transaction, shared with others that wait; resolves when it is on disk. When `work`
   * throws, nothing of it is written and the promise rejects with that error. `weight`: octets of mail that it writes; it rejects
   * with {@link StoreFull} when there is no room for them.
   */
  write<T>(work: (tables: Tables) => T, weight?: number): Promise<T>;
  /** Whether it is open, and the last transaction could be committed, or the last mail had room. */
  healthy(): boolean;
  close(): Promise<void>;
}

/**
 * Address space, not disk: as much as the machines with the least of it have to give. Below it the map never moves,
 * whichever process makes the file grow; the disk is what gets full.
 */
const mapSize = 2 ** 37;
const limits = { jobs: 256, weight: 16 * 2 ** 20 };

/** Opens the environment, makes it when there is none. Rejects with {@link StoreUnavailable}. */
export async function openEnvironment(path: string, log: Logger): Promise<Environment> {
  await checkFolder(path);
  let current: Tables | undefined = openAll(path);
  let closed = false;
  let healthy = true;

  function opened(): Tables {
    current ??= openAll(path);
    return current;
  }

  async function commit(jobs: Iterable<() => void>): Promise<GroupOutcome> {
    const outcome = await transact(opened, jobs);
    const failed = outcome.kind === "Failed";
    if (failed && healthy) log.error({ err: outcome.error, path }, "the store cannot write");
    if (!failed && !healthy) log.info({ path }, "the store writes again");
    healthy = !failed;
    if (!failed) return outcome;
    if (!readable(current)) await reopen();
    const full = isFull(outcome.error) || (await diskIsFull(path));
    if (!full)
      return { ...outcome, error: new StoreUnavailable(`the store at ${path} cannot write`, { cause: outcome.error }) };
    return { kind: "Failed", divide: true, error: new StoreFull(`no room in ${path}`, { cause: outcome.error }) };
  }

  async function reopen(): Promise<void> {
    const old = current;
    current = undefined;
    await old?.root.close();
  }

  const group = groupCommit(commit, limits);
  const room = roomOf({ disk: diskOf(path), unused: () => unusedOctets(opened()) });
  const mail = mailRoom({ path, room, log });

  return {
    tables() {
      if (closed) throw new StoreUnavailable("the store is closed");
      return opened();
    },
    write(work, weight = 0) {
      if (closed) return Promise.reject(new StoreUnavailable("the store is closed"));
      const run = () => group.run(() => work(opened()), weight);
      return weight === 0 ? run() : mail.within(weight, run);
    },
    healthy: () => healthy && mail.hasRoom() && !closed,
    async close() {
      closed = true;
      await group.idle();
      await reopen();
    },
  };
}

/** After a failed write of its meta page an environment refuses everything, even to read, until it is opened anew. */
function readable(tables: Tables | undefined): boolean {
  try {
    tables?.root.resetReadTxn();
    return tables?.meta.get("format") === formatVersion;
  } catch {
    return false;
  }
}

async function checkFolder(path: string): Promise<void> {
  let remote: string | undefined;
  let isStore = false;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    remote = await networkFileSystemOf(path);
    isStore = await hasLmdbHeader(path);
  } catch (error) {
    throw new StoreUnavailable(`the store folder ${path} cannot be used: ${reason(error)}`, { cause: error });
  }
  if (remote !== undefined)
    throw new StoreUnavailable(
      `the store folder ${path} lies on ${remote}, where two machines would write over each other: use a disk of this machine, or Redis`,
    );
  if (!isStore)
    throw new StoreUnavailable(`${join(path, "data.mdb")} is not a store: move it away, or use another folder`);
}

/**
 * `overlappingSync` stays off: with it a transaction is visible before it is flushed, so one that fails to flush
 * would have spooled and billed. Without it LMDB writes the pages, flushes them, and writes the page that makes them
 * count through a descriptor that flushes by itself: a transaction is there and durable, or it is not there.
 */
function openAll(path: string): Tables {
  const options = {
    path,
    noSubdir: false,
    maxDbs: 16,
    mapSize,
    overlappingSync: false,
    eventTurnBatching: false,
    encoding: "json",
    permissionsMode: 0o600,
  } as const;
  let root: RootDatabase<unknown, string>;
  try {
    root = open<unknown, string>(options);
  } catch (error) {
    throw new StoreUnavailable(`the store in ${path} cannot be opened: ${reason(error)}`, { cause: error });
  }
  try {
    return checkFormat(root, path);
  } catch (error) {
    void root.close();
    if (error instanceof StoreUnavailable) throw error;
    throw new StoreUnavailable(`the store in ${path} cannot be opened: ${reason(error)}`, { cause: error });
  }
}

function checkFormat(root: RootDatabase<unknown, string>, path: string): Tables {
  const meta = root.openDB<number, string>({ name: "meta", encoding: "json" });
  const found = meta.get("format");
  if (found !== undefined && found !== formatVersion)
    throw new StoreUnavailable(
      `the store in ${path} has format ${found}, this version of Posthouse reads format ${formatVersion}: use the version that wrote it, or another folder`,
    );
  if (found === undefined) meta.putSync("format", formatVersion);
  return openTables(root);
}

/** One transaction: all jobs, or none. Never rejects. */
async function transact(tables: () => Tables, jobs: Iterable<() => void>): Promise<GroupOutcome> {
  let done = 0;
  let thrown: { readonly error: unknown } | undefined;
  try {
    await tables().root.childTransaction(() => {
      try {
        for (const job of jobs) {
          job();
          done += 1;
        }
        return undefined;
      } catch (error) {
        thrown = { error };
        return ABORT;
      }
    });
  } catch (error) {
    return { kind: "Failed", error: await commitError(error), divide: false };
  }
  if (thrown === undefined) return { kind: "Committed" };
  if (isLmdbError(thrown.error)) return { kind: "Failed", error: thrown.error, divide: false };
  return { kind: "Aborted", culprit: done, error: thrown.error };
}

/** The library rejects with a general error that holds a promise of the true one. */
async function commitError(error: unknown): Promise<Error> {
  if (!(error instanceof Error)) return new Error(String(error));
  if (!("commitError" in error) || !(error.commitError instanceof Promise)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause instanceof Error ? cause : error;
  }
}

/** The environment failed, not the job that happened to run: LMDB's errors have numbers for codes. */
function isLmdbError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "number";
}

/** ENOSPC, EDQUOT and EFBIG as LMDB passes them on: numbers. */
const fullCodes: ReadonlySet<unknown> = new Set([28, 122, 27]);

function isFull(error: Error): boolean {
  return "code" in error && fullCodes.has(error.code);
}

/** A write that was cut short by a full disk comes as EIO: only the disk can tell. */
async function diskIsFull(path: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(join(path, "."));
    return bavail * bsize < 2 ** 20;
  } catch {
    return false;
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
