import {
  dataOf,
  flag,
  flagsOf,
  type Meta,
  type Node,
  nodesOf,
  numberOf,
  type PageFile,
  readTree,
  type Tree,
} from "./pages.ts";

/** A row as it lies in the file: nothing of it was verified. */
export interface RawRow {
  /** The table whose tree leads to it; undefined where no tree does any more. */
  readonly table: string | undefined;
  readonly key: Buffer;
  /** Undefined when it lies where nothing can be read. */
  readonly value: Buffer | undefined;
  /** Where no tree leads to it: the tables that lost something. It may be of one of them, or stale. */
  readonly lost?: ReadonlySet<string>;
}

/** Damage of the file's structure. */
export interface Damage {
  readonly page: number;
  /** For people. */
  readonly what: string;
}

export type Found = { readonly row: RawRow } | { readonly damage: Damage };

interface Walk {
  readonly file: PageFile;
  readonly meta: Meta;
  /** Pages that were come to. */
  readonly seen: Set<number>;
  readonly free: Set<number>;
  /** A tree has lost a part: what no tree leads to may belong to it. */
  readonly lost: Set<string>;
}

/** A page in a tree, or whatever is to be read as one. */
interface Spot {
  readonly page: number;
  /** Levels below it. */
  readonly below: number;
  readonly table: string;
}

const freeTree = "free";
const mainTree = "main";

/**
 * Everything that the newest state of the file leads to, and where a tree is torn all leaves that no tree leads to; what
 * is not in order is told on the way. Where one of the two beginnings is damaged it may have been the newer one: then the
 * leaves that were written after the other are looked at too. The file may end before its last page: one that was free again before it was ever
 * written is not there. Never throws.
 */
export function* walkFile(file: PageFile, meta: Meta, damagedBeginnings: readonly number[] = []): Generator<Found> {
  const walk: Walk = { file, meta, seen: new Set([0, 1]), free: new Set(), lost: new Set() };
  for (const page of damagedBeginnings) {
    walk.lost.add(mainTree);
    yield damaged(page, "one of the two beginnings of the file is damaged");
  }
  for (const found of walkTree(walk, meta.free, freeTree)) {
    if ("damage" in found) yield found;
    else readFree(walk, found.row.value);
  }
  for (const found of walkTree(walk, meta.main, mainTree)) {
    if ("damage" in found) yield found;
    else yield* walkTable(walk, found.row);
  }
  if (walk.lost.size > 0) yield* walkRest(walk);
}

/** The names of tables end in a zero. */
function* walkTable(walk: Walk, { key, value }: RawRow): Generator<Found> {
  const name = key.toString("latin1").replace(/\0+$/, "");
  if (value?.length !== 48) {
    walk.lost.add(mainTree);
    yield damaged(0, `the table ${JSON.stringify(name)} cannot be found`);
    return;
  }
  yield* walkTree(walk, readTree(value), name);
}

function* walkTree(walk: Walk, tree: Tree, table: string): Generator<Found> {
  if (tree.root === undefined) return;
  let rows = 0;
  for (const found of walkPage(walk, { page: tree.root, below: tree.depth - 1, table })) {
    if ("row" in found) rows += 1;
    yield found;
  }
  if (rows === tree.entries || walk.lost.has(table)) return;
  walk.lost.add(table);
  yield damaged(tree.root, `${table} should have ${tree.entries} records and has ${rows}`);
}

function* walkPage(walk: Walk, spot: Spot): Generator<Found> {
  const page = reachable(walk, spot.page) ? walk.file.page(spot.page) : undefined;
  const wanted = spot.below > 0 ? flag.branch : flag.leaf;
  if (page === undefined || spot.below < 0 || (flagsOf(page) & 3) !== wanted) {
    walk.lost.add(spot.table);
    yield damaged(spot.page, `${spot.table} leads to a page that is not its own`);
    return;
  }
  walk.seen.add(spot.page);
  if (numberOf(page) !== spot.page) yield damaged(spot.page, `a page of ${spot.table} has another number`);
  yield* walkNodes(walk, spot, nodesOf(page));
}

function* walkNodes(walk: Walk, spot: Spot, nodes: readonly (Node | undefined)[]): Generator<Found> {
  const { page, table } = spot;
  let last: Buffer | undefined;
  for (const node of nodes) {
    if (node === undefined) {
      walk.lost.add(table);
      yield damaged(page, `a record of ${table} cannot be found`);
      continue;
    }
    // The first key of a branch stands for everything before the second, and is empty.
    if (last !== undefined && table !== freeTree && Buffer.compare(last, node.key) >= 0)
      yield damaged(page, `the keys of ${table} are out of order`);
    last = node.key.length === 0 ? undefined : node.key;
    if (spot.below > 0) yield* walkPage(walk, { page: node.child, below: spot.below - 1, table });
    else yield { row: { table, key: Buffer.from(node.key), value: dataOf(walk.file, node) } };
  }
}

/** Whether a tree can lead to this page: no other did, and it is not free. */
function reachable({ seen, free, meta, file }: Walk, page: number): boolean {
  return page > 1 && page <= meta.lastPage && page < file.pages && !seen.has(page) && !free.has(page);
}

/** A list of free pages: how many entries, then pages; a negative one says how many follow from the next on. */
function readFree({ free, file }: Walk, list: Buffer | undefined): void {
  if (list === undefined || list.length < 8) return;
  const entries = Math.min(Number(list.readBigInt64LE(0)), list.length / 8 - 1);
  for (let index = 1; index <= entries; index += 1) {
    const entry = Number(list.readBigInt64LE(8 * index));
    if (entry >= 0) {
      free.add(entry);
      continue;
    }
    index += 1;
    const start = index <= entries ? Number(list.readBigInt64LE(8 * index)) : 0;
    for (let page = start; page < Math.min(start - entry, file.pages); page += 1) free.add(page);
  }
}

/** Records in leaves that no tree leads to, the latest written first: of two records of one key the later counts. */
function* walkRest(walk: Walk): Generator<Found> {
  const { file } = walk;
  for (const { number } of [...strayLeaves(walk)].toSorted((a, b) => Number(b.written - a.written))) {
    const page = file.page(number);
    for (const node of page === undefined ? [] : nodesOf(page))
      if (node !== undefined && (node.flags & flag.subData) === 0)
        yield { row: { table: undefined, key: Buffer.from(node.key), value: dataOf(file, node), lost: walk.lost } };
  }
}

function* strayLeaves(walk: Walk): Generator<{ readonly number: number; readonly written: bigint }> {
  const { file, meta } = walk;
  for (let number = 2; number < file.pages; number += 1) {
    const page = walk.seen.has(number) ? undefined : file.page(number);
    // What is in the middle of a long content is no page: it does not begin with its number.
    if (page === undefined || numberOf(page) !== number || (flagsOf(page) & 7) !== flag.leaf) continue;
    const written = page.readBigUInt64LE(8);
    if (written > BigInt(meta.transaction) || reachable(walk, number)) yield { number, written };
  }
}

function damaged(page: number, what: string): Found {
  return { damage: { page, what } };
}
