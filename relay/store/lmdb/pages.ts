import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/**
 * LMDB's file, read as what it is: pages. The library maps the file into memory, where damage ends the process; here
 * nothing that a page says is believed before it was looked at. A page begins with its number (8 octets), the transaction
 * that wrote it (8), and flags at 18; a leaf or branch goes on with the number of its nodes in octets at 20, and the
 * offsets of its nodes, counted from 24, at 24. A node is 4 octets of size or page, 2 of flags (in a branch the page's
 * high word), 2 of key size, the key, the data.
 */
export interface PageFile {
  readonly pageSize: number;
  /** Pages that the file has. */
  readonly pages: number;
  /** A page, or undefined beyond the end. */
  page(number: number): Buffer | undefined;
  /** Octets from the data of page `number` on, or undefined when the file ends before. */
  overflow(number: number, length: number): Buffer | undefined;
  close(): void;
}

/** What a tree is: its root, and how deep it goes. */
export interface Tree {
  readonly root: number | undefined;
  readonly depth: number;
  readonly entries: number;
}

/** One of the two beginnings of the file. */
export interface Meta {
  readonly transaction: number;
  readonly lastPage: number;
  readonly free: Tree;
  readonly main: Tree;
}

export interface Node {
  readonly key: Buffer;
  /** In a branch: the page below. */
  readonly child: number;
  readonly flags: number;
  readonly size: number;
  /** In a leaf: the data, or where it lies. */
  readonly data: Buffer;
}

export const headerSize = 24;
const metaSize = 136;
const treeSize = 48;
export const flag = { branch: 1, leaf: 2, bigData: 1, subData: 2 } as const;
const magic = 0xbeefc0de;
const pageSize = 4096;

export function openPages(path: string): PageFile {
  const file = openSync(path, "r");
  const size = fstatSync(file).size;
  const read = (at: number, length: number): Buffer | undefined => {
    if (at + length > size) return undefined;
    const octets = Buffer.allocUnsafe(length);
    try {
      return readSync(file, octets, 0, length, at) === length ? octets : undefined;
    } catch {
      // A sector that the disk cannot read is as good as damaged.
      return undefined;
    }
  };
  return {
    pageSize,
    pages: Math.floor(size / pageSize),
    page: (number) => read(number * pageSize, pageSize),
    overflow: (number, length) => read(number * pageSize + headerSize, length),
    close: () => closeSync(file),
  };
}

/** The newest beginning of the file that can be one, and the pages of those that cannot. LMDB writes them in turns. */
export function beginningOf(file: PageFile): { readonly meta: Meta | undefined; readonly damaged: readonly number[] } {
  const metas = [0, 1].map((number) => readMeta(file.page(number)));
  const found = metas.filter((meta) => meta !== undefined);
  const [meta] = found.toSorted((a, b) => b.transaction - a.transaction);
  return { meta, damaged: [0, 1].filter((number) => metas[number] === undefined) };
}

function readMeta(page: Buffer | undefined): Meta | undefined {
  const meta = page?.subarray(headerSize, headerSize + metaSize);
  if (meta?.readUInt32LE(0) !== magic || meta.readUInt32LE(headerSize) !== pageSize) return undefined;
  const free = readTree(meta.subarray(24, 24 + treeSize));
  const main = readTree(meta.subarray(24 + treeSize, 24 + 2 * treeSize));
  const lastPage = numberAt(meta, 24 + 2 * treeSize);
  const transaction = numberAt(meta, 32 + 2 * treeSize);
  return Number.isSafeInteger(lastPage) && Number.isSafeInteger(transaction)
    ? { transaction, lastPage, free, main }
    : undefined;
}

/** The tree that 48 octets describe. */
export function readTree(octets: Buffer): Tree {
  const root = numberAt(octets, 40);
  return {
    root: Number.isSafeInteger(root) ? root : undefined,
    depth: octets.readUInt16LE(6),
    entries: numberAt(octets, 32),
  };
}

function numberAt(octets: Buffer, at: number): number {
  return octets.readUInt32LE(at) + octets.readUInt32LE(at + 4) * 2 ** 32;
}

export function flagsOf(page: Buffer): number {
  return page.readUInt16LE(18);
}

export function numberOf(page: Buffer): number {
  return numberAt(page, 0);
}

/** The nodes of a leaf or a branch; undefined in place of each that cannot be one. */
export function nodesOf(page: Buffer): readonly (Node | undefined)[] {
  const count = Math.min(page.readUInt16LE(20) >> 1, (page.length - headerSize) >> 1);
  return Array.from({ length: count }, (_, index) => readNode(page, index, count));
}

function readNode(page: Buffer, index: number, count: number): Node | undefined {
  const at = page.readUInt16LE(headerSize + 2 * index) + headerSize;
  if (at < headerSize + 2 * count || at + 8 > page.length) return undefined;
  const size = page.readUInt32LE(at);
  const flags = page.readUInt16LE(at + 4);
  const dataAt = at + 8 + page.readUInt16LE(at + 6);
  if (dataAt > page.length) return undefined;
  const key = page.subarray(at + 8, dataAt);
  const child = size + flags * 2 ** 32;
  const branch = (flagsOf(page) & flag.branch) !== 0;
  const length = branch ? 0 : (flags & flag.bigData) === 0 ? size : 8;
  if (dataAt + length > page.length) return undefined;
  return { key, child, flags, size, data: page.subarray(dataAt, dataAt + length) };
}

/** The data of a leaf's node, wherever it lies. */
export function dataOf(file: PageFile, node: Node): Buffer | undefined {
  if ((node.flags & flag.bigData) === 0) return Buffer.from(node.data);
  const first = numberAt(node.data, 0);
  return Number.isSafeInteger(first) && first > 1 && first < file.pages ? file.overflow(first, node.size) : undefined;
}
