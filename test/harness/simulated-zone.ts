import { agree, type Agreement } from "../../net/authoritative-answer.ts";
import type { Answer } from "../../net/resolver.ts";

interface Server {
  readonly name: string;
  records: ReadonlyMap<string, string>;
  /** It answers nobody. */
  down: boolean;
  /** It says what it said when this began. */
  stale: boolean;
  /** Names that it has lost. */
  readonly lost: Set<string>;
}

/** What every server of a zone says of a name: a text, nothing, or no answer at all. */
export type Shown = readonly (string | undefined)[];

/** Stands for no answer. */
export const silent = "silent";

/** A zone on two servers that lag, go silent, fall behind and lose records, with one TXT record a name. */
export interface SimulatedZone {
  /** The zone as its owner wants it; servers have it when they sync. */
  readonly wanted: Map<string, string>;
  /** Names that somebody else's records stand at, beside the owner's. */
  readonly foreign: Set<string>;
  readonly sync: (server: number) => void;
  readonly setDown: (server: number, down: boolean) => void;
  readonly setStale: (server: number, stale: boolean) => void;
  readonly lose: (server: number, name: string) => void;
  readonly find: (server: number, name: string) => void;
  readonly shown: (name: string) => Shown;
  readonly ask: (name: string) => Agreement<"TXT">;
}

function say({ down, lost, records }: Server, name: string): string | undefined {
  if (down) return silent;
  return lost.has(name) ? undefined : records.get(name);
}

/** An empty zone; caches hold its answers for `ttl` seconds. */
export function createSimulatedZone(ttl: number): SimulatedZone {
  const servers = ["ns1", "ns2"].map((name): Server => ({
    name,
    records: new Map(),
    down: false,
    stale: false,
    lost: new Set(),
  }));
  const wanted = new Map<string, string>();
  const foreign = new Set<string>();
  const of = (server: number): Server => servers[server] as Server;
  const answer = (text: string | undefined, name: string): Answer<"TXT"> => {
    if (text === silent) return { kind: "Failed", reason: "timeout" };
    const texts = [...(text === undefined ? [] : [text]), ...(foreign.has(name) ? ["v=spf1 -all"] : [])];
    if (texts.length === 0) return { kind: "NXDomain", negativeTtl: ttl };
    return { kind: "Records", values: texts.map((each) => [each.slice(0, 255), each.slice(255)]), ttl };
  };
  return {
    wanted,
    foreign,
    sync(server) {
      if (!of(server).stale) of(server).records = new Map(wanted);
    },
    setDown: (server, down) => void (of(server).down = down),
    setStale: (server, stale) => void (of(server).stale = stale),
    lose: (server, name) => void of(server).lost.add(name),
    find: (server, name) => void of(server).lost.delete(name),
    shown: (name) => servers.map((server) => (foreign.has(name) ? "foreign" : say(server, name))),
    ask: (name) =>
      agree({ servers: servers.map((server) => ({ server: server.name, answer: answer(say(server, name), name) })) }),
  };
}
