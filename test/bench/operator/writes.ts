/** What a ServiceAccount writes, read from the audit log as it grows: it is far too long to be read whole each time. */
import { open } from "node:fs/promises";
import type { AuditEvent } from "../../harness/audit-log.ts";

/** A write that the API server has finished. */
export interface Write {
  /** Milliseconds since the epoch: when the API server received it. */
  readonly at: number;
  /** `create secrets`, `patch sendingdomains/status`. */
  readonly what: string;
  readonly code: number;
}

export interface WriteLog {
  /** Reads on; every write so far, renewals of Leases left out. */
  readonly all: () => Promise<readonly Write[]>;
  /** Resolves when nothing was written for so long (ms); when the last write was, or `since` if there was none. */
  readonly quiet: (since: number, pause: number) => Promise<number>;
}

const reads: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/** Follows the writes of `system:serviceaccount:...`. */
export function followWrites(file: string, user: string): WriteLog {
  const writes: Write[] = [];
  let offset = 0;
  let rest = "";
  const take = (line: string): void => {
    // Most lines are others': those need not be parsed.
    if (!line.includes(user)) return;
    const { verb, user: by, objectRef, responseStatus, requestReceivedTimestamp } = JSON.parse(line) as AuditEvent;
    if (by.username !== user || reads.has(verb) || objectRef?.resource === "leases") return;
    const { resource = "", subresource } = objectRef ?? {};
    const what = `${verb} ${subresource === undefined ? resource : `${resource}/${subresource}`}`;
    writes.push({ at: Date.parse(requestReceivedTimestamp), what, code: responseStatus?.code ?? 0 });
  };
  const readOn = async (): Promise<void> => {
    const handle = await open(file);
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(1 << 20), 0, 1 << 20, offset);
        if (bytesRead === 0) return;
        offset += bytesRead;
        const lines = (rest + buffer.toString("latin1", 0, bytesRead)).split("\n");
        rest = lines.pop() ?? "";
        lines.forEach(take);
      }
    } finally {
      await handle.close();
    }
  };
  const all = async (): Promise<readonly Write[]> => {
    await readOn();
    return writes;
  };
  return {
    all,
    async quiet(since, pause) {
      for (;;) {
        const last = (await all()).reduce((latest, { at }) => Math.max(latest, at), since);
        if (Date.now() - last >= pause) return last;
        await new Promise((resolve) => setTimeout(resolve, Math.min(500, pause)));
      }
    },
  };
}

/** Writes counted by what they are, most first. */
export function byKind(writes: readonly Write[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { what, code } of writes) {
    const key = code < 300 ? what : `${what}: ${code}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a));
}
