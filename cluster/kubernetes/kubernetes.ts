import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { createCache, type Cache } from "../cache.ts";
import type { ClusterObject, Kind, ObjectKey, OfKind } from "../object.ts";
import type { Cluster } from "../port.ts";
import type { Api } from "./api.ts";
import { followSources } from "./following.ts";
import { decodeObject, type Decode } from "./objects.ts";
import type { Reflector } from "./reflector.ts";
import { shareStrings } from "./shared-strings.ts";
import { covers, indexSources, sourcesOf, type Scope, type Source } from "./sources.ts";
import { createStore } from "./store.ts";
import { createStrays } from "./strays.ts";
import { createTroubles } from "./trouble.ts";
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
  /** What is kept of an object in memory, the names of its data at least; all of it when absent. */
  readonly keep?: (object: ClusterObject) => ClusterObject;
  /** Gives up waiting for the first lists. */
  readonly signal?: AbortSignal;
  /** Milliseconds for which the first lists may be refused on end before opening fails; 45 s when absent. */
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

/** More than the longest pause between two attempts: one refusal alone is none for good. */
const longestRefusal = 45_000;

const everyKind: readonly Kind[] = ["RelayTenant", "SendingDomain", "Secret", "ConfigMap"];

/**
 * Opens an API server as a cluster. Resolves after the first complete lists of everything: nothing may look empty that
 * was not seen, but for kinds that the server may not know and namespaces of tenants that it refuses, which are left out as
 * a whole for as long as it does. Waits as long as the server is away; rejects with a KubernetesError when it refuses all
 * namespaces of tenants for good, or any other list.
 */
export async function openKubernetes(options: KubernetesOptions): Promise<KubernetesCluster> {
  const {
    api,
    clock,
    log,
    random,
    scope,
    contractNamespace,
    kinds = everyKind,
    signal,
    patience = longestRefusal,
  } = options;
  const sources = sourcesOf(scope, contractNamespace, kinds);
  const cache = createCache((err) => log.error({ err }, "a watcher of objects failed"));
  const store = createStore(cache, () => clock.now());
  const about = indexSources(sources);
  const isWatched = (object: ClusterObject): boolean =>
    about(object.kind, object.metadata.namespace).some((source) => covers(source, object));
  const decode = decoder(options);
  const strays = createStrays({ api, clock, log, random, cache, store, decode, isWatched });
  const { onTrouble, refusal } = createTroubles(log);
  const parts = { api, clock, log, random, cache, store, decode, known: cache.get, onTrouble };
  const following = followSources(sources, contractNamespace, parts);
  const close = async (): Promise<void> => {
    strays.stop();
    await following.stop();
  };
  try {
    await following.listed({ clock, signal, patience, refusal });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...kubernetesWrites({ api, cache, store, strays, decode }),
    get: reader({ cache, about, isWatched, asked: strays.asked }),
    list: cache.list,
    watch: cache.watch,
    ...knowledge(clock, (kind, namespace) => about(kind, namespace).flatMap((source) => following.of(source) ?? [])),
    age: () => {
      const heard = following.reflectors().filter((each) => each.source.isOptional !== true || each.isListed());
      return clock.now() - Math.min(...heard.map((reflector) => reflector.heardAt() ?? -Infinity));
    },
    close,
  };
}

/** Reads objects, with the strings that many have in common once in memory, and keeps what is wanted of them. */
function decoder({ keep = (object) => object }: KubernetesOptions): Decode {
  const share = shareStrings(4096);
  return (kind, json) => {
    const object = decodeObject(kind, json);
    // What is secret stays nowhere but in its own object.
    share(kind === "Secret" ? object.metadata : object);
    return keep(object);
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
