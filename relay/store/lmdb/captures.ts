import type { Capture, CaptureLimits, Captures } from "../captures.ts";
import { captureCountKey, capturedIn, capturedSize, countCaptured } from "./capture-octets.ts";
import type { Environment } from "./environment.ts";
import type { EnvironmentKey, Tables } from "./tables.ts";

/** Captures that one transaction removes at most. */
const stride = 200;

/** The captures on LMDB. */
export function lmdbCaptures(environment: Environment): Captures {
  return {
    keep(capture, content, maxOctets) {
      return environment.write((tables) => {
        if (tables.captures.doesExist(capture.envelope.id)) return;
        makeRoom(tables, capture, maxOctets - content.byteLength);
        keep(tables, capture, content);
      }, content.byteLength);
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
      const over = [...environment.tables().captureOctets.getRange()].filter(({ value }) => value > limits.maxOctets);
      for (const { key } of over)
        for (let gone = stride; gone === stride; removed += gone)
          gone = await environment.write((tables) => shrink(tables, key, limits.maxOctets));
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
  countCaptured(tables, captureCountKey(capture), content.byteLength);
}

/** Index keys of an environment, the oldest first. */
function oldestOf(tables: Tables, tenant: string, environment: string, limit: number): readonly EnvironmentKey[] {
  const start: EnvironmentKey = [tenant, environment, 0, ""];
  const end: EnvironmentKey = [tenant, environment, Number.MAX_SAFE_INTEGER, ""];
  return [...tables.capturesByEnvironment.getKeys({ start, end, limit })];
}

/** Removes the oldest captures of the environment of one that comes, until they are no more than so many octets. */
function makeRoom(tables: Tables, coming: Capture, octets: number): void {
  const { tenant, environment } = coming.envelope;
  while (capturedIn(tables, captureCountKey(coming)) > Math.max(0, octets))
    if (remove(tables, oldestOf(tables, tenant, environment, 1)) === 0) return;
}

/** Removes the oldest captures of an environment that are over so many octets, but the newest. Returns how many went. */
function shrink(tables: Tables, name: string, octets: number): number {
  const at = name.lastIndexOf("/");
  const keys = oldestOf(tables, name.slice(0, at), name.slice(at + 1), stride + 1);
  let gone = 0;
  for (const key of keys.slice(0, -1)) if (capturedIn(tables, name) > octets) gone += remove(tables, [key]);
  return gone;
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
    countCaptured(tables, `${key[0]}/${key[1]}`, -capturedSize(tables, key[3]));
    tables.captures.removeSync(key[3]);
    tables.captured.removeSync(key[3]);
  }
  return there.length;
}
