import { existsSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import { problemList, type StoreReport } from "../check.ts";
import { StoreUnavailable } from "../store.ts";
import { inventory, type Inventory } from "./inventory.ts";
import { beginningOf, type Meta, openPages, type PageFile } from "./pages.ts";
import { isVerified, type Unreadable, verify, type Verified } from "./record.ts";
import { formatVersion } from "./tables.ts";
import { walkFile } from "./walk.ts";

/** A record that is whole. */
export interface FoundRecord {
  readonly record: Verified;
  /** No tree leads to it: it may be an older state of one that is there. */
  readonly stray: boolean;
}

/**
 * Verifies the embedded store in a folder, also while relays run on it: every page of the newest state of the file, the
 * checksum of every record, and that everything fits together. Throws StoreUnavailable when there is none.
 */
export function checkLmdb(folder: string): StoreReport {
  const opened = openFile(folder);
  try {
    const found = inventory();
    const list = problemList();
    for (const { record } of readRecords(opened, { found, problem: list.add }))
      if (record.table === "meta" && record.key === "format") checkFormat(folder, record.value);
    for (const problem of found.problems()) list.add(problem);
    return list.report(found.counts());
  } finally {
    opened.close();
  }
}

/** What another version wrote is not damaged. */
function checkFormat(folder: string, format: number): void {
  if (format !== formatVersion)
    throw new StoreUnavailable(
      `the store in ${folder} has format ${format}, this version of Posthouse reads format ${formatVersion}`,
    );
}

export interface Reading {
  /** Gets to know every record. */
  readonly found: Inventory;
  readonly problem: ReturnType<typeof problemList>["add"];
}

/** Reads all that can be read. */
export function* readRecords({ file, meta, damaged }: OpenFile, { found, problem }: Reading): Generator<FoundRecord> {
  for (const item of walkFile(file, meta, damaged)) {
    if ("damage" in item) {
      const { page, what } = item.damage;
      problem({ kind: "Damaged", id: "", what: `page ${page}: ${what}` });
      continue;
    }
    const record = verify(item.row);
    const { lost } = item.row;
    if (isVerified(record)) {
      if (lost !== undefined && !mayBeOf(record, lost)) continue;
      found.note(record);
      yield { record, stray: lost !== undefined };
    } else if (lost === undefined) {
      problem({ kind: "Damaged", id: idOf(record), what: `a record of ${record.table} is damaged` });
      if (messageTables.has(record.table)) found.noteDamaged(idOf(record));
    }
  }
}

const messageTables: ReadonlySet<string> = new Set(["envelopes", "contents", "deliveries"]);

/** Whether a stray record can be of a table that lost something; otherwise it is stale. */
function mayBeOf({ table }: Verified, lost: ReadonlySet<string>): boolean {
  if (lost.has("main") || lost.has(table)) return true;
  return table === "octets" && (lost.has("contents") || lost.has("captured"));
}

function idOf({ key }: Unreadable): string {
  const first: unknown = Array.isArray(key) ? key.find((item) => typeof item === "string") : key;
  return typeof first === "string" ? first : "";
}

/** The file of a store as pages. */
interface OpenFile {
  readonly file: PageFile;
  /** Its newest beginning that can be read, and the pages of those that cannot. */
  readonly meta: Meta;
  readonly damaged: readonly number[];
  readonly close: () => void;
}

/** Opens the file of a store; what its newest state leads to stays as it is until `close`. */
export function openFile(folder: string): OpenFile {
  const path = join(folder, "data.mdb");
  if (!existsSync(path)) throw new StoreUnavailable(`there is no store in ${folder}`);
  const beginning = openPages(path);
  // The library does not survive what LMDB refuses, and that is asked for the first beginning.
  const release = beginningOf(beginning).damaged.length === 0 ? holdSnapshot(folder) : () => undefined;
  // Anew: what the snapshot holds is what is newest from now on. And the file anew after that: it may have grown.
  const { meta, damaged } = beginningOf(beginning);
  beginning.close();
  const file = openPages(path);
  const close = (): void => {
    file.close();
    release();
  };
  if (meta !== undefined) return { file, meta, damaged, close };
  close();
  throw new StoreUnavailable(`${path} is not a store, or its beginning is damaged: restore it from a backup`);
}

/** A reader keeps writers from using pages again that an older state than theirs leads to. It reads no page itself. */
function holdSnapshot(folder: string): () => void {
  try {
    const root = open({ path: folder, noSubdir: false, readOnly: true, maxDbs: 1, encoding: "binary" });
    const transaction = root.useReadTransaction();
    return () => {
      transaction.done();
      void root.close();
    };
  } catch {
    return () => undefined;
  }
}
