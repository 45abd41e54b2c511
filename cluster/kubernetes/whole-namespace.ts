import type { Cache } from "../cache.ts";
import { isApiError } from "./api-error.ts";
import { listAll } from "./list.ts";
import { pauseAfter } from "./pause.ts";
import { startReflector, type Reflector, type ReflectorParts } from "./reflector.ts";
import type { Source } from "./sources.ts";
import type { CompleteList } from "./store.ts";
import { troubleText } from "./trouble.ts";

/** What following a namespace takes. */
export interface WholeNamespaceParts extends ReflectorParts {
  readonly cache: Cache;
}

/**
 * A namespace of tenants, which is taken in as a whole or not at all: a tenant without its domains would look as if it had
 * none. One that is refused, as it has no Role or is not there yet, is left out and asked for again.
 */
export interface WholeNamespace {
  /** By source, once it is taken in; none before. */
  readonly reflectors: () => ReadonlyMap<Source, Reflector>;
  /** What the API server refuses, for people; undefined when it is taken in, or not known. */
  readonly refusal: () => string | undefined;
  /** Resolves when it is taken in or refused. */
  readonly answered: Promise<void>;
  /** Resolves when it is taken in. */
  readonly taken: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The list of a source, or none where the API server does not know its kind or grants it to nobody. */
type Lists = readonly (readonly [Source, CompleteList | undefined])[];

/** A source could not be listed. */
interface Failure {
  readonly source: Source;
  readonly error: unknown;
}

/** Starts to ask for the lists of a namespace, until all are complete or it is stopped. */
export function followWholeNamespace(
  namespace: string,
  sources: readonly Source[],
  parts: WholeNamespaceParts,
): WholeNamespace {
  const { log, cache } = parts;
  const ending = new AbortController();
  const { signal } = ending;
  const answer = Promise.withResolvers<void>();
  const taking = Promise.withResolvers<void>();
  let reflectors: ReadonlyMap<Source, Reflector> = new Map();
  let refusal: string | undefined;
  let wasToldOf: string | undefined;
  const takeIn = (lists: Lists): void => {
    if (wasToldOf !== undefined) log.info({ namespace }, "a namespace that was left out is taken in");
    refusal = undefined;
    cache.together(() => {
      reflectors = new Map(lists.map(([source, list]) => [source, startReflector(source, parts, list)]));
    });
    taking.resolve();
    answer.resolve();
  };
  const leaveOut = ({ source, error }: Failure): void => {
    refusal = isApiError(error, 403, 404) ? troubleText(source, error) : undefined;
    if (refusal === undefined) return parts.onTrouble(source, error);
    if (wasToldOf !== refusal)
      log.warn({ namespace, trouble: refusal }, "a namespace is left out until all of it may be read");
    wasToldOf = refusal;
    answer.resolve();
  };
  const running = untilComplete(sources, parts, signal, leaveOut).then((lists) => lists && takeIn(lists));
  return {
    reflectors: () => reflectors,
    refusal: () => refusal,
    answered: answer.promise,
    taken: taking.promise,
    async stop() {
      ending.abort(new Error("stopped"));
      await running;
      await Promise.all([...reflectors.values()].map((reflector) => reflector.stop()));
    },
  };
}

/** Asks for the lists again and again, and tells of each failure. Undefined when it was stopped before all were complete. */
async function untilComplete(
  sources: readonly Source[],
  parts: WholeNamespaceParts,
  signal: AbortSignal,
  failed: (failure: Failure) => void,
): Promise<Lists | undefined> {
  const { clock, random } = parts;
  for (let failures = 1; !signal.aborted; failures += 1) {
    const outcome = await listWhole(sources, parts, signal);
    if (signal.aborted) break;
    if (!("error" in outcome)) return outcome;
    failed(outcome);
    await clock.sleep(pauseAfter(failures, outcome.error, random), signal).catch(() => undefined);
  }
  return undefined;
}

/** Lists one source after another, up to the first that fails. */
async function listWhole(
  sources: readonly Source[],
  parts: WholeNamespaceParts,
  signal: AbortSignal,
): Promise<Lists | Failure> {
  const lists: (readonly [Source, CompleteList | undefined])[] = [];
  for (const source of sources) {
    try {
      lists.push([source, await listAll(parts, source, signal)]);
    } catch (error) {
      if (source.isOptional !== true || !isApiError(error, 403, 404)) return { source, error };
      lists.push([source, undefined]);
    }
  }
  return lists;
}
