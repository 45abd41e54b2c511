import type { Clock } from "../../runtime/clock.ts";
import { whileAllowed } from "../../runtime/while-allowed.ts";
import { startReflector, type Reflector } from "./reflector.ts";
import type { Source } from "./sources.ts";
import { KubernetesError } from "./trouble.ts";
import { followWholeNamespace, type WholeNamespace, type WholeNamespaceParts } from "./whole-namespace.ts";

/** The lists and watches of a cluster. */
export interface Following {
  /** What follows a source; undefined while its namespace is left out. */
  readonly of: (source: Source) => Reflector | undefined;
  /** Everything that is followed now. */
  readonly reflectors: () => readonly Reflector[];
  /** Resolves after the first complete lists, see {@link FirstLists}. */
  readonly listed: (wait: FirstLists) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** How long the first lists are waited for. */
export interface FirstLists {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds for which they may be refused on end: a server that comes back refuses for a moment what it grants. */
  readonly patience: number;
  /** What is refused of a source as far as is known, for people. */
  readonly refusal: (source: Source) => string | undefined;
}

interface Parts {
  /** Followed on their own: what nothing works without, and what needs no permission of a namespace. */
  readonly needed: readonly Reflector[];
  readonly namespaces: readonly WholeNamespace[];
  /** Whether there is nothing to work on where all namespaces are left out. */
  readonly needsNamespace: boolean;
}

/** Starts to follow sources: those of single namespaces of tenants by namespaces, the others one by one. */
export function followSources(
  sources: readonly Source[],
  contractNamespace: string,
  parts: WholeNamespaceParts,
): Following {
  const isTenants = ({ namespace = contractNamespace }: Source): boolean => namespace !== contractNamespace;
  const own = sources.filter((source) => !isTenants(source));
  const needed = new Map(own.map((source) => [source, startReflector(source, parts)]));
  const groups = Map.groupBy(sources.filter(isTenants), ({ namespace = "" }) => namespace);
  const namespaces = new Map([...groups].map(([name, group]) => [name, followWholeNamespace(name, group, parts)]));
  const whole = [...namespaces.values()];
  const needsNamespace = whole.length > 0 && !own.some(({ kind }) => kind === "RelayTenant");
  return {
    of: (source) =>
      needed.get(source) ??
      namespaces
        .get(source.namespace ?? "")
        ?.reflectors()
        .get(source),
    reflectors: () => [...needed.values(), ...whole.flatMap((each) => [...each.reflectors().values()])],
    listed: (wait) => firstLists(wait, { needed: [...needed.values()], namespaces: whole, needsNamespace }),
    async stop() {
      await Promise.all([...needed.values(), ...whole].map((each) => each.stop()));
    },
  };
}

async function firstLists({ clock, signal, patience, refusal }: FirstLists, parts: Parts): Promise<void> {
  const given = Promise.withResolvers<never>();
  let since = clock.now();
  const check = (): void => {
    const text = refused(parts, refusal);
    if (text === undefined) since = clock.now();
    else if (clock.now() - since >= patience) return given.reject(new KubernetesError(text));
    cancel = clock.after(1000, check);
  };
  let cancel = clock.after(1000, check);
  const first = Promise.race([complete(parts), given.promise]);
  try {
    await (signal === undefined ? first : whileAllowed(first, signal));
  } finally {
    cancel();
  }
}

async function complete({ needed, namespaces, needsNamespace }: Parts): Promise<void> {
  // What may be missing is waited for until that is known: before, it would look as if it were.
  const told = needed.map(({ source, listed, answered }) => (source.isOptional === true ? answered : listed));
  await Promise.all([...told, ...namespaces.map(({ answered }) => answered)]);
  if (needsNamespace) await Promise.race(namespaces.map(({ taken }) => taken));
}

/** What is refused without which there is nothing to do. */
function refused({ needed, namespaces, needsNamespace }: Parts, refusal: FirstLists["refusal"]): string | undefined {
  const waited = needed.filter(({ source, isListed }) => source.isOptional !== true && !isListed());
  const own = waited.map(({ source }) => refusal(source)).find((text) => text !== undefined);
  if (own !== undefined || !needsNamespace) return own;
  const texts = namespaces.map((namespace) => namespace.refusal());
  return texts.every((text) => text !== undefined) ? texts[0] : undefined;
}
