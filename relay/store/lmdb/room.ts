import { statfsSync } from "node:fs";
import type { Tables } from "./tables.ts";

/**
 * The room that mail has on a disk. New mail leaves a reserve, so that what becomes of accepted mail can always be written, and
 * so that LMDB never comes to write on a full disk: the library's report of such a failed write can overrun its own memory.
 */
export interface Room {
  /** Takes room for a write of so many octets; false when there is none. To be given back when the write is over. */
  take(weight: number): boolean;
  give(weight: number): void;
}

export interface RoomParts {
  /** Free octets of the disk, and all that it has. */
  readonly disk: () => { readonly free: number; readonly size: number };
  /** Octets of the file that hold nothing any more. */
  readonly unused: () => number;
}

const largestReserve = 64 * 2 ** 20;
const reservedShare = 0.1;
/** What a write takes beside its octets: pages of the tables, copied. */
const overhead = 16_384;
/** What a record takes beside its content: its row, those of its deliveries, and their place in the indexes. */
const row = 4096;
/** Writes under way at once after which the disk is looked at again; other programs fill it too. */
const writesPerLook = 16;

/** Counts down what the last look found, and looks again when that is used up, or nothing is under way, or much is. */
export function roomOf({ disk, unused }: RoomParts): Room {
  let left = 0;
  let writes = 0;
  let coming = 0;

  function look(need: number): number {
    const { free, size } = disk();
    const reserve = Math.min(largestReserve, size * reservedShare);
    const onDisk = free - reserve - coming;
    return onDisk >= need ? onDisk : Math.max(onDisk, unused() - reserve - coming);
  }

  return {
    take(weight) {
      const need = weight + overhead;
      if (left < need || writes === 0 || coming === 0) {
        left = look(need);
        writes = writesPerLook;
      }
      if (left < need) return false;
      writes -= 1;
      left -= need;
      coming += need;
      return true;
    },
    give(weight) {
      coming -= weight + overhead;
    },
  };
}

/** The octets that a write of so many records takes, with all their contents. */
export function weightOf(records: number, octets: number): number {
  return records * row + octets;
}

/** The disk that a folder lies on. */
export function diskOf(folder: string): RoomParts["disk"] {
  return () => {
    const { bavail, blocks, bsize } = statfsSync(folder);
    return { free: bavail * bsize, size: blocks * bsize };
  };
}

/** Octets of the file in no table: LMDB uses them again before the file grows. */
export function unusedOctets({ root, ...tables }: Tables): number {
  const whole = statsOf(root.getStats());
  const used = Object.values(tables).reduce((sum, table) => sum + statsOf(table.getStats()).pages, whole.pages);
  return Math.max(0, whole.last + 1 - used) * whole.pageSize;
}

function statsOf(stats: object): { readonly pages: number; readonly last: number; readonly pageSize: number } {
  const number = (name: string): number => Number(Reflect.get(stats, name) ?? 0);
  return {
    pages: number("treeBranchPageCount") + number("treeLeafPageCount") + number("overflowPages"),
    last: number("lastPageNumber"),
    pageSize: number("pageSize"),
  };
}
