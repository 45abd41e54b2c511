import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { ApiError, isApiError, statusError } from "./api-error.ts";
import { listAll, oneCopy, selection, type ListParts } from "./list.ts";
import { fieldsOf } from "./objects.ts";
import { pauseAfter } from "./pause.ts";
import { collectionPath } from "./resources.ts";
import { sourceText, type Source } from "./sources.ts";
import type { CompleteList, Store } from "./store.ts";
import { isOlder } from "./versions.ts";

/** What a reflector works with. */
export interface ReflectorParts extends ListParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly store: Store;
  /** Told of each attempt that failed, with what there is to do. */
  readonly onTrouble: (source: Source, error: unknown) => void;
}

/** Keeps one source in the store as it is in the cluster. */
export interface Reflector {
  readonly source: Source;
  /** Whether the last list was complete, and nothing was refused since. */
  readonly isListed: () => boolean;
  /** When the API server last said something of it; undefined before the first complete list. */
  readonly heardAt: () => number | undefined;
  /** Resolves at the first complete list; rejects when stopped before. */
  readonly listed: Promise<void>;
  /** Resolves when the API server has answered for the first time: with a complete list, or that there will be none for now. */
  readonly answered: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The API server sends a bookmark each minute or so; a watch that is silent for longer is deaf. */
const longestSilence = 120_000;
/** A watch that lived shorter has failed, however politely it ended. */
const shortestWatch = 5000;
/** So many failures of a watch in a row, and its version is not trusted any more. */
const mostResumes = 5;
/** Everything is listed anew after so long: what no watch told of shows then at the latest. */
const relistAfter = 12 * 3_600_000;

interface State {
  /** Where to watch on; undefined: list first. */
  version: string | undefined;
  /** The highest version that was ever seen. */
  highest: string | undefined;
  listedAt: number;
  heardAt: number | undefined;
  isListed: boolean;
  failures: number;
}

/**
 * Starts to list and watch, and does so until it is stopped; every failure is followed by a pause, never by an end. A list
 * that was made a moment ago may be given, and is in the store at once.
 */
export function startReflector(source: Source, parts: ReflectorParts, given?: CompleteList): Reflector {
  const state: State = {
    version: undefined,
    highest: undefined,
    listedAt: 0,
    heardAt: undefined,
    isListed: false,
    failures: 0,
  };
  const ending = new AbortController();
  const first = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  // Nobody may be waiting for the first list any more when it is given up.
  first.promise.catch(() => undefined);
  if (given !== undefined) {
    takeList(source, parts, state, given);
    first.resolve();
    answer.resolve();
  }
  const turn = async (): Promise<void> => {
    if (state.version === undefined) {
      await list(source, parts, state, ending.signal);
      first.resolve();
      answer.resolve();
    }
    await watch(source, parts, state, ending.signal);
  };
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        await turn();
      } catch (error) {
        if (ending.signal.aborted) return;
        if (isApiError(error, 401, 403, 404)) answer.resolve();
        await recover(source, parts, state, { error, signal: ending.signal });
      }
    }
  };
  const running = run().finally(() => first.reject(new Error(`${sourceText(source)}: stopped before the first list`)));
  return {
    source,
    isListed: () => state.isListed,
    heardAt: () => state.heardAt,
    listed: first.promise,
    answered: answer.promise,
    async stop() {
      ending.abort(new Error("stopped"));
      await running;
    },
  };
}

async function list(source: Source, parts: ReflectorParts, state: State, signal: AbortSignal): Promise<void> {
  const complete = await listAll(parts, source, signal);
  if (!signal.aborted) takeList(source, parts, state, complete);
}

function takeList(source: Source, parts: ReflectorParts, state: State, complete: CompleteList): void {
  const { resourceVersion } = complete;
  const restored = isOlder(resourceVersion, state.highest);
  if (restored) parts.log.warn({ list: sourceText(source) }, "the cluster's versions went back, as after a restore");
  parts.store.replace(source, complete, restored);
  const now = parts.clock.now();
  Object.assign(state, { version: resourceVersion, highest: resourceVersion, listedAt: now, heardAt: now });
  state.isListed = true;
}

/** Watches until the server ends it. */
async function watch(source: Source, parts: ReflectorParts, state: State, signal: AbortSignal): Promise<void> {
  const { api, clock, random } = parts;
  const startedAt = clock.now();
  const request = {
    method: "GET",
    path: collectionPath(source.kind, source.namespace),
    query: {
      ...selection(source),
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: state.version,
      timeoutSeconds: String(300 + Math.floor(random() * 300)),
    },
    signal,
  } as const;
  const onOpen = (): void => void (state.heardAt = clock.now());
  const onEvent = (event: unknown): void => {
    take(source, parts, state, event);
    onOpen();
  };
  try {
    await api.stream(request, onEvent, { silence: longestSilence, onOpen });
  } finally {
    if (clock.now() - startedAt >= shortestWatch) state.failures = 0;
  }
  if (clock.now() - startedAt < shortestWatch) throw new Error("the API server ended a watch at once");
  state.heardAt = clock.now();
  if (clock.now() - state.listedAt > relistAfter * (1 + random() * 0.2)) state.version = undefined;
}

/** Takes in one event of a watch. Throws what an ERROR event says. */
function take(source: Source, parts: ReflectorParts, state: State, event: unknown): void {
  const { store, decode } = parts;
  const { type, object: json } = fieldsOf(event);
  if (type === "ERROR") throw statusError(`watch of ${sourceText(source)}`, 0, json);
  const { resourceVersion } = fieldsOf(fieldsOf(json)["metadata"]);
  if (typeof resourceVersion !== "string") throw new Error(`a watch of ${sourceText(source)} sent what is no event`);
  if (isOlder(resourceVersion, state.version))
    throw new ApiError("the cluster's versions went back", { code: 410, reason: "Expired" });
  if (type === "ADDED" || type === "MODIFIED") store.put(oneCopy(source.kind, json, parts));
  else if (type === "DELETED") store.left(source, decode(source.kind, json));
  state.version = resourceVersion;
  state.highest = resourceVersion;
}

async function recover(
  source: Source,
  { clock, random, onTrouble }: ReflectorParts,
  state: State,
  { error, signal }: { readonly error: unknown; readonly signal: AbortSignal },
): Promise<void> {
  state.failures += 1;
  const isExpired = isApiError(error, 410) || (error instanceof ApiError && error.reason === "Expired");
  if (isApiError(error, 401, 403, 404)) state.isListed = false;
  if (isExpired || !state.isListed || state.failures > mostResumes) state.version = undefined;
  if (!isExpired) onTrouble(source, error);
  await clock.sleep(pauseAfter(state.failures, error, random), signal).catch(() => undefined);
}
