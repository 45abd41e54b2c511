import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { createCache, type Cache } from "../cache.ts";
import type { ClusterObject, Kind, ObjectKey, OfKind } from "../object.ts";
import type { Cluster } from "../port.ts";
import { isApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import { startReflector, type Reflector } from "./reflector.ts";
import { covers, indexSources, sourcesOf, type Scope, type Source } from "./sources.ts";
import { createStore } from "./store.ts";
import { createStrays } from "./strays.ts";
import { KubernetesError, troubleText } from "./trouble.ts";
import { kubernetesWrites } from "./writes.ts";

/** What a cluster on an API server needs. */
export interface KubernetesOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly scope: Scope;
  /** All Secrets and ConfigMaps of this namespace are watched; elsewhere only those of Posthouse or offered to it. */
  readonly contractNamespace: string;
  /** What is read; every kind but DNSEndpoint when absent. */
  readonly kinds?: readonly Kind[];
  /** Gives up waiting for the first lists. */
  readonly signal?: AbortSignal;
  /** Milliseconds for which the first lists may be refused before opening fails; 30 s when absent. */
  readonly patience?: number;
}

/** A cluster that lives behind an API server. */
export interface KubernetesCluster extends Cluster {
  /** Whether the list of a kind in a namespace is complete and authorised: what it lacked when the API server was last heard of was not there. */
  isListed(kind: Kind, namespace: string): boolean;
  /** Whether it is also followed: what it lacks is not there now, rather than when the API server was last heard of. */
  isCurrent(kind: Kind, namespace: string): boolean;
  /** Milliseconds since the API server was last heard of, in the list that was told of least lately. */
  age(): number;
  close(): Promise<void>;
}

/** A watch is told something each minute, and one that is deaf is noticed after two; whatever is older was missed. */
const currentFor = 240_000;

const everyKind: readonly Kind[] = ["RelayTenant", "SendingDomain", "Secret", "ConfigMap"];

/**
 * Opens an API server as a cluster. Resolves after the first complete lists of everything: nothing may look empty that
 * was not seen, but for kinds that the server may not know. Waits as long as the server is away; rejects with a KubernetesError when it refuses a list for good.
 */
export async function openKubernetes(options: KubernetesOptions): Promise<KubernetesCluster> {
  const { api, clock, log, random, scope, contractNamespace, kinds = everyKind } = options;
  const sources = sourcesOf(scope, contractNamespace, kinds);
  const cache = createCache((err) => log.error({ err }, "a watcher of objects failed"));
  const store = createStore(cache);
  const about = indexSources(sources);
  const isWatched = (object: ClusterObject): boolean =>
    about(object.kind, object.metadata.namespace).some((source) => covers(source, object));
  const strays = createStrays({ api, clock, log, random, cache, store, isWatched });
  const troubles = new Map<Source, string>();
  const refusals = new Map<Source, string>();
  const onTrouble = (source: Source, error: unknown): void => {
    const text = troubleText(source, error);
    if (isApiError(error, 401, 403, 404)) refusals.set(source, text);
    if (troubles.get(source) !== text) log.warn({ trouble: text }, "objects of the cluster cannot be followed for now");
    troubles.set(source, text);
  };
  const parts = { api, clock, log, random, store, known: cache.get, onTrouble };
  const reflectors = sources.map((source) => startReflector(source, parts));
  const close = async (): Promise<void> => {
    strays.stop();
    await Promise.all(reflectors.map((reflector) => reflector.stop()));
  };
  try {
    await firstLists(options, reflectors, refusals);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...kubernetesWrites({ api, cache, store, strays }),
    get: reader({ cache, about, isWatched, asked: strays.asked }),
    list: cache.list,
    watch: cache.watch,
    ...knowledge(clock, (kind, namespace) =>
      about(kind, namespace).flatMap((source) => reflectors[sources.indexOf(source)] ?? []),
    ),
    age: () => {
      const heard = reflectors.filter((each) => each.source.isOptional !== true || each.isListed());
      return clock.now() - Math.min(...heard.map((reflector) => reflector.heardAt() ?? -Infinity));
    },
    close,
  };
}

/** What is known of lists, by those that a kind and namespace are looked for in. */
function knowledge(
  clock: Clock,
  listsOf: (kind: Kind, namespace: string) => readonly Reflector[],
): Pick<KubernetesCluster, "isListed" | "isCurrent"> {
  const isListed = (kind: Kind, namespace: string): boolean => {
    const lists = listsOf(kind, namespace);
    return lists.length > 0 && lists.every((reflector) => reflector.isListed());
  };
  const isHeard = ({ heardAt }: Reflector): boolean => clock.now() - (heardAt() ?? -Infinity) < currentFor;
  return {
    isListed,
    isCurrent: (kind, namespace) => isListed(kind, namespace) && listsOf(kind, namespace).every(isHeard),
  };
}

interface ReaderParts {
  readonly cache: Cache;
  readonly about: (kind: Kind, namespace: string) => readonly Source[];
  readonly isWatched: (object: ClusterObject) => boolean;
  readonly asked: (key: ObjectKey) => void;
}

/** Reads the cache, and takes note of questions about Secrets and ConfigMaps that no watch answers. */
function reader({ cache, about, isWatched, asked }: ReaderParts): Cluster["get"] {
  const isPartly = (kind: Kind, namespace: string): boolean => {
    const sources = about(kind, namespace);
    return sources.length > 0 && sources.every((source) => source.labelSelector !== undefined);
  };
  return <K extends Kind>(key: ObjectKey<K>): OfKind<K> | undefined => {
    const object = cache.get(key);
    if (object !== undefined && isWatched(object)) return object;
    if (isPartly(key.kind, key.namespace)) asked(key);
    return object;
  };
}

async function firstLists(
  { clock, signal, patience = 30_000 }: KubernetesOptions,
  reflectors: readonly Reflector[],
  refusals: ReadonlyMap<Source, string>,
): Promise<void> {
  const given = Promise.withResolvers<never>();
  const needed = reflectors.filter(({ source }) => source.isOptional !== true);
  const check = (): void => {
    const refused = needed.filter((reflector) => !reflector.isListed()).map(({ source }) => refusals.get(source));
    const first = refused.find((text) => text !== undefined);
    if (first !== undefined) given.reject(new KubernetesError(first));
    else cancel = clock.after(1000, check);
  };
  let cancel = clock.after(patience, check);
  const onAbort = (): void => given.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    // What may be missing is waited for until that is known: before, it would look as if it were.
    const told = reflectors.map(({ source, listed, answered }) => (source.isOptional === true ? answered : listed));
    await Promise.race([Promise.all(told), given.promise]);
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}
