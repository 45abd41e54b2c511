import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Cache } from "../cache.ts";
import { keyOf, keyText } from "../object.ts";
import type { ClusterObject, ObjectKey } from "../object.ts";
import { isNotFound } from "./api-error.ts";
import type { Api } from "./api.ts";
import { decodeObject, fieldsOf, type Decode } from "./objects.ts";
import { objectPath } from "./resources.ts";
import type { Store } from "./store.ts";

/** What looking after strays takes. */
export interface StraysParts {
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly cache: Cache;
  readonly store: Store;
  readonly decode: Decode;
  /** Whether a watch tells of an object. */
  readonly isWatched: (object: ClusterObject) => boolean;
}

/**
 * Objects at names that somebody asks for and that no watch tells of, because they are another's: looked at now and
 * then, by their metadata alone, for as long as anybody asks. What stands in them is never read.
 */
export interface Strays {
  /** Takes in that somebody asked for an object that no watch tells of, there or not. */
  readonly asked: (key: ObjectKey) => void;
  /** Takes in that Posthouse wrote an object. */
  readonly wrote: (object: ClusterObject) => void;
  /** Looks at an object now; whatever it is, the cache has it afterwards. */
  readonly look: (key: ObjectKey) => Promise<void>;
  /** Whether an object is known by its metadata alone. */
  readonly isForeign: (object: ClusterObject) => boolean;
  readonly stop: () => void;
}

/** What is asked for is mostly there a moment later, because whoever missed it makes it. */
const firstLook = 2000;
const shortestInterval = 15_000;
const longestInterval = 300_000;
/** Whoever cares looks at least hourly. */
const forgottenAfter = 65 * 60_000;
const justMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

interface Entry {
  readonly key: ObjectKey;
  askedAt: number;
  lookedAt: number;
  nextAt: number;
  interval: number;
  /** Whoever cares was told to say so. */
  called: boolean;
}

/** Starts with none. */
export function createStrays(parts: StraysParts): Strays {
  const { clock, cache, isWatched } = parts;
  const entries = new Map<string, Entry>();
  const foreign = new WeakSet<ClusterObject>();
  const look = (key: ObjectKey): Promise<void> => lookAt(parts, key, (object) => foreign.add(object));
  const forget = (key: ObjectKey): void => {
    entries.delete(keyText(key));
    const object = cache.get(key);
    if (object !== undefined && foreign.has(object)) cache.remove(key);
  };
  const visit = async (entry: Entry): Promise<void> => {
    const verdict = judge(entry, cache.get(entry.key), { now: clock.now(), isWatched });
    if (verdict === "Forget") forget(entry.key);
    else if (verdict === "Call") call(entry, parts);
    else await lookAgain(entry, parts, look);
  };
  const rounds = everySecond(clock, async () => {
    for (const entry of entries.values()) if (isDue(entry, clock.now())) await visit(entry);
    return entries.size > 0;
  });
  const asked = (key: ObjectKey): void => {
    const entry = entries.get(keyText(key)) ?? newEntry(key, clock.now());
    entries.set(keyText(key), Object.assign(entry, { askedAt: clock.now(), called: false }));
    rounds.start();
  };
  return {
    look,
    isForeign: (object) => foreign.has(object),
    asked,
    wrote: (object) => (isWatched(object) ? undefined : asked(keyOf(object))),
    stop: rounds.stop,
  };
}

function newEntry(key: ObjectKey, now: number): Entry {
  const nextAt = now + firstLook;
  return { key, askedAt: now, lookedAt: -Infinity, nextAt, interval: shortestInterval / 2, called: false };
}

/** Also when the clock was set back: nobody waits for a time to come again. */
function isDue({ nextAt }: Entry, now: number): boolean {
  return nextAt <= now || nextAt - now > longestInterval;
}

/** Asks whoever cares to say so. */
function call(entry: Entry, { cache, clock }: StraysParts): void {
  Object.assign(entry, { called: true, nextAt: clock.now() + shortestInterval });
  cache.touch(entry.key);
}

async function lookAgain(
  entry: Entry,
  { clock, random, log }: StraysParts,
  look: (key: ObjectKey) => Promise<void>,
): Promise<void> {
  entry.lookedAt = clock.now();
  entry.interval = Math.min(longestInterval, entry.interval * 2);
  entry.nextAt = entry.lookedAt + entry.interval * (0.75 + random() * 0.25);
  await look(entry.key).catch((err: unknown) => log.debug({ err }, "an object of another cannot be looked at"));
}

/** Calls `round` a second after the last one ended, once started and as long as it resolves to true. */
function everySecond(clock: Clock, round: () => Promise<boolean>): { start: () => void; stop: () => void } {
  let cancel: (() => void) | undefined;
  let isRunning = false;
  let stopped = false;
  const plan = (): void => {
    cancel = clock.after(1000, () => void run());
  };
  const run = async (): Promise<void> => {
    isRunning = await round();
    if (isRunning && !stopped) plan();
  };
  return {
    start() {
      if (isRunning || stopped) return;
      isRunning = true;
      plan();
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

function judge(
  entry: Entry,
  object: ClusterObject | undefined,
  { now, isWatched }: { readonly now: number; readonly isWatched: (object: ClusterObject) => boolean },
): "Look" | "Call" | "Forget" {
  if (object === undefined) return entry.askedAt >= entry.lookedAt ? "Look" : "Forget";
  if (isWatched(object)) return "Forget";
  if (now - entry.askedAt < forgottenAfter) return "Look";
  return entry.called ? "Forget" : "Call";
}

async function lookAt(
  { api, cache, store, decode, isWatched }: StraysParts,
  key: ObjectKey,
  onForeign: (object: ClusterObject) => void,
): Promise<void> {
  const before = cache.get(key);
  const path = objectPath(key);
  try {
    const answer = fieldsOf(await api.request({ method: "GET", path, accept: justMetadata }));
    const seen = decodeObject(key.kind, { metadata: answer["metadata"] });
    const object = isWatched(seen) ? decode(key.kind, await api.request({ method: "GET", path })) : seen;
    if (isWatched(object)) {
      store.put(object);
      return;
    }
    const { uid, resourceVersion } = object.metadata;
    if (before?.metadata.uid === uid && before?.metadata.resourceVersion === resourceVersion) return;
    // Between two looks it may have become another's: then what stands in it is not kept.
    const metadata = object === seen ? seen : decodeObject(key.kind, { metadata: object.metadata });
    onForeign(metadata);
    store.put(metadata);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    // What stands there now, if anything, was made while nobody looked.
    if (before !== undefined && cache.get(key) === before) cache.remove(keyOf(before));
  }
}
