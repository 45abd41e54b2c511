import type { Capture, CaptureLimits, Captures } from "../captures.ts";
import type { Environment } from "./environment.ts";
import type { EnvironmentKey, Tables } from "./tables.ts";

/** Captures that one transaction removes at most. */
const stride = 200;

/** The captures on LMDB. */
export function lmdbCaptures(environment: Environment): Captures {
  return {
    keep(capture, content) {
      return environment.write((tables) => keep(tables, capture, content), content.byteLength);
    },
    async list(limit, of) {
      const tables = environment.tables();
      const keys = of === undefined ? newest(tables, limit) : newestOf(tables, limit, of);
      return keys.flatMap((key) => tables.captures.get(key) ?? []);
    },
    async content(id) {
      return environment.tables().captured.get(id);
    },
    async prune(now, limits) {
      const surplus = findSurplus(environment.tables(), now, limits);
      let removed = 0;
      for (let from = 0; from < surplus.length; from += stride)
        removed += await environment.write((tables) => remove(tables, surplus.slice(from, from + stride)));
      return removed;
    },
  };
}

/** Where a capture stands among those of its environment. */
export function indexKey({ envelope, capturedAt }: Capture): EnvironmentKey {
  return [envelope.tenant, envelope.environment, capturedAt, envelope.id];
}

/** Writes a capture, if it is not there. Inside a write transaction only. */
export function keep(tables: Tables, capture: Capture, content: Uint8Array): void {
  const { id } = capture.envelope;
  if (tables.captures.doesExist(id)) return;
  tables.captures.putSync(id, capture);
  tables.captured.putSync(id, content);
  tables.capturesByEnvironment.putSync(indexKey(capture), 0);
}

/** Ids sort by time of acceptance, and captures are made at once: good enough for a list over all environments. */
function newest(tables: Tables, limit: number): readonly string[] {
  return [...tables.captures.getKeys({ reverse: true, limit })];
}

function newestOf(
  tables: Tables,
  limit: number,
  { tenant, environment }: { readonly tenant: string; readonly environment: string },
): readonly string[] {
  const start: EnvironmentKey = [tenant, environment, Number.MAX_SAFE_INTEGER, ""];
  const end: EnvironmentKey = [tenant, environment, 0, ""];
  return [...tables.capturesByEnvironment.getKeys({ start, end, reverse: true, limit })].map((key) => key[3]);
}

/** Index keys of what is too old, and of the oldest beyond the maximum of their environment. */
function findSurplus(tables: Tables, now: number, limits: CaptureLimits): readonly EnvironmentKey[] {
  const surplus: EnvironmentKey[] = [];
  let group = "";
  let seen = 0;
  for (const key of tables.capturesByEnvironment.getKeys({ reverse: true })) {
    const [tenant, environment, at] = key;
    const name = `${tenant} ${environment}`;
    seen = name === group ? seen + 1 : 1;
    group = name;
    if (seen > limits.maxMessages || at <= now - limits.retention) surplus.push(key);
  }
  return surplus;
}

/** Returns how many were still there. */
function remove(tables: Tables, keys: readonly EnvironmentKey[]): number {
  const there = keys.filter((key) => tables.capturesByEnvironment.doesExist(key));
  for (const key of there) {
    tables.capturesByEnvironment.removeSync(key);
    tables.captures.removeSync(key[3]);
    tables.captured.removeSync(key[3]);
  }
  return there.length;
}
