/** What a server says of itself in INFO. */
export interface ServerFacts {
  /** Version of Redis, or the one that Valkey names for compatibility: major, minor. */
  readonly version: readonly [number, number];
  /** As people know it: `Redis 7.0.15`. */
  readonly product: string;
  /** It knows WAITAOF. */
  readonly waitsForDisk: boolean;
  readonly mode: "standalone" | "cluster" | "sentinel";
  readonly role: "master" | "slave";
  readonly loading: boolean;
  /** It keeps an append-only file. */
  readonly appendsOnly: boolean;
  /** Connected replicas. */
  readonly replicas: number;
  readonly memory: MemoryFacts;
  /** Its clock, milliseconds since the epoch; absent when it does not tell. */
  readonly time?: number;
}

/** Octets. */
export interface MemoryFacts {
  readonly used: number;
  /** 0: no limit. */
  readonly limit: number;
}

/** Settings that bear on durability, as CONFIG GET has them; undefined where it is forbidden. */
export type ServerSettings = Readonly<Record<string, string>>;

export const settingNames = ["appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy"] as const;

function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 1 || line.startsWith("#") ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

function versionOf(text: string | undefined): readonly [number, number] {
  const [major = 0, minor = 0] = (text ?? "").split(".").map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor];
}

function atLeast([major, minor]: readonly [number, number], [wanted, least]: readonly [number, number]): boolean {
  return major > wanted || (major === wanted && minor >= least);
}

/** Reads the text of INFO. */
export function readInfo(info: string): ServerFacts {
  const fields = fieldsOf(info);
  const redis = fields.get("redis_version") ?? "0";
  const valkey = fields.get("valkey_version");
  const mode = fields.get("redis_mode") ?? fields.get("server_mode");
  const time = fields.get("server_time_usec");
  const isCluster = mode === "cluster" || fields.get("cluster_enabled") === "1";
  return {
    version: versionOf(redis),
    product: valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`,
    waitsForDisk: atLeast(versionOf(redis), [7, 2]),
    mode: isCluster ? "cluster" : mode === "sentinel" ? "sentinel" : "standalone",
    role: fields.get("role") === "slave" ? "slave" : "master",
    loading: fields.get("loading") === "1",
    appendsOnly: fields.get("aof_enabled") === "1",
    replicas: Number(fields.get("connected_slaves") ?? 0),
    memory: readMemory(info),
    ...(time !== undefined && { time: Number(time) / 1000 }),
  };
}

/** Reads the memory out of the text of INFO, or of its section `memory` alone. */
export function readMemory(info: string): MemoryFacts {
  const fields = fieldsOf(info);
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  // Buffers of replicas and of the append-only file do not count against the limit.
  return { used: number("used_memory") - number("mem_not_counted_for_evict"), limit: number("maxmemory") };
}

/** Why a server cannot be used at all; undefined when it can. */
export function refuseServer({ mode, version, product }: ServerFacts): string | undefined {
  if (mode === "cluster")
    return "it is a Redis Cluster, whose scripts cannot span slots: use one primary, with Sentinels where it must fail over";
  if (mode === "sentinel") return "it is a Sentinel: write redis+sentinel://HOST,HOST/NAME";
  if (!atLeast(version, [7, 0])) return `it is ${product}: Redis 7.0 or Valkey 7.2 is the least`;
  return undefined;
}
