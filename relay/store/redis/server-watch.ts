import type { Logger } from "../../../runtime/log.ts";
import { StoreUnavailable } from "../store.ts";
import { isFull, refusesMail, type Seen, verdictOf, type Wanted } from "./health.ts";
import { factsOf, lookAt, type Looker, settingsOf } from "./inspect.ts";
import type { Ask, Inspection } from "./link.ts";
import type { ReplicaWait } from "./replicated.ts";

export interface ServerWatchOptions extends Looker {
  readonly wanted: Wanted;
  /** The server, for people. */
  readonly server: string;
  /** Milliseconds that replicas are waited for. */
  readonly replicaTimeout: number;
  /** Milliseconds between two looks at the settings. */
  readonly inspectEvery: number;
  readonly log: Logger;
}

/** What is known of the server behind a connection. News of it stand in the log. */
export interface ServerWatch {
  /** Looks at it before it is used. */
  inspect(ask: Ask): Promise<Inspection>;
  /** Asks it how it is, and every now and then for its settings. */
  sample(ask: Ask): Promise<void>;
  /** What was last seen; undefined before the first connection. */
  readonly seen: Seen | undefined;
  /** Throws StoreUnavailable when it is not as durable as `Verified` wants. */
  mustBeSafe(): void;
  /** Why no message may be accepted now; undefined when it may. */
  refuses(): string | undefined;
  /** Notes octets that are sent to be kept. */
  expect(octets: number): void;
  /** Whether its memory is used beyond what messages may take. */
  full(): boolean;
  /** How replicas are to be waited for. */
  wait(): ReplicaWait;
}

interface State {
  readonly options: ServerWatchOptions;
  seen: Seen | undefined;
  inspectedAt: number;
  /** Octets sent to be kept since it was seen. */
  coming: number;
  /** What was last said of it in the log. */
  told: string;
}

export function serverWatch(options: ServerWatchOptions): ServerWatch {
  const { wanted, server } = options;
  const state: State = { options, seen: undefined, inspectedAt: -Infinity, coming: 0, told: "" };
  return {
    inspect: (ask) => inspect(state, ask),
    sample: (ask) => sample(state, ask),
    get seen() {
      return state.seen;
    },
    mustBeSafe() {
      if (state.seen === undefined || wanted.durability !== "Verified") return;
      const { problems } = verdictOf(state.seen, wanted);
      if (problems.length > 0) throw new StoreUnavailable(`${server} would lose mail: ${problems.join("; ")}`);
    },
    refuses: () => (state.seen === undefined ? "it was not reached yet" : refusesMail(state.seen, wanted)),
    expect: (octets) => void (state.coming += octets),
    full: () => state.seen !== undefined && isFull(state.seen, state.coming),
    wait: () => waitOf(state),
  };
}

async function inspect(state: State, ask: Ask): Promise<Inspection> {
  const looked = await lookAt(state.options, ask);
  if (typeof looked === "string") return looked;
  const at = state.options.clock.now();
  state.inspectedAt = at;
  state.coming = 0;
  see(state, { at, ...looked });
  return "Usable";
}

async function sample(state: State, ask: Ask): Promise<void> {
  const { clock, inspectEvery } = state.options;
  const old = state.seen;
  const before = state.coming;
  const facts = await factsOf(state.options, ask);
  const at = clock.now();
  const isDue = old === undefined || at - state.inspectedAt >= inspectEvery || at < old.at;
  // Not of before the question: the connection may be a new one since, to a server that is set up differently.
  const settings = isDue ? await settingsOf(ask) : state.seen?.settings;
  if (isDue) state.inspectedAt = at;
  state.coming = Math.max(0, state.coming - before);
  see(state, { at, facts, settings });
}

/** Notes what was seen, and logs what changed. */
function see(state: State, seen: Seen): void {
  state.seen = seen;
  const { log, wanted, server } = state.options;
  const refuses = refusesMail(seen, wanted);
  const { problems, warnings } = verdictOf(seen, wanted);
  const news = JSON.stringify([refuses, problems, warnings]);
  if (news === state.told) return;
  const first = state.told === "";
  state.told = news;
  const about = { server, product: seen.facts.product, durability: wanted.durability };
  if (refuses !== undefined) log.error({ ...about, why: refuses }, "Redis is not safe: no mail is accepted");
  else if (wanted.durability === "None")
    log.warn({ ...about, problems }, "nobody vouches for the durability of Redis: accepted mail may be lost");
  else if (problems.length > 0) log.warn({ ...about, problems }, "Redis is not what is declared");
  else log.info(about, first ? "connected to Redis" : "Redis is as it should be again");
  if (warnings.length > 0) log.warn({ ...about, warnings }, "Redis could be set up better");
}

function waitOf({ options: { wanted, replicaTimeout }, seen }: State): ReplicaWait {
  const onDisk = seen !== undefined && seen.facts.waitsForDisk && seen.facts.appendsOnly;
  return { replicas: wanted.replicas, timeout: replicaTimeout, onDisk };
}
