import { randomBytes } from "node:crypto";
import type { Clock } from "../runtime/clock.ts";
import { createRoom, type Room } from "../runtime/room.ts";
import { timeLimit } from "../runtime/time-limit.ts";
import type { AddressGuard } from "./address-guard.ts";
import { askServer, type Transport } from "./ask.ts";
import { agree, contradiction, type AuthoritativeAnswer, type ServerAnswer } from "./authoritative-answer.ts";
import { longestChain, readOwnAnswer, type OwnReading } from "./dns-answer.ts";
import { cachedResolver, type CacheLimits } from "./dns-cache.ts";
import { encodeQuery, octetsOfChance } from "./dns-message.ts";
import { isDomainName, normaliseName } from "./domain-name.ts";
import { endpointText } from "./endpoint.ts";
import { createRateLimiter, type RateLimit, type RateLimiter } from "./rate-limit.ts";
import type { Answer, RecordType, Resolver } from "./resolver.ts";
import { keepTcpConnections, type AskOverTcp, type Keeping } from "./tcp-connections.ts";
import { findZone, type Authority, type ZoneCutOptions, type ZoneServer } from "./zone-cut.ts";

/** How one question is to be asked. */
export interface AuthoritativeQuestion {
  /** TCP for what proves something: nobody who cannot see the connection can forge an answer. */
  readonly transport: Transport;
  readonly signal?: AbortSignal;
}

/** Asks the servers that are authoritative for a name, each of them. Never rejects. */
export interface AuthoritativeResolver {
  ask<T extends RecordType>(name: string, type: T, question: AuthoritativeQuestion): Promise<AuthoritativeAnswer<T>>;
}

export interface AuthoritativeOptions {
  /** Recursive, to find zones, their servers and the servers' addresses. */
  readonly resolver: Resolver;
  readonly guard: AddressGuard;
  readonly clock: Clock;
  /** Milliseconds that one server may take for one question. */
  readonly timeout: number;
  /** Milliseconds for everything that one question takes; what is not known then is `Failed`. */
  readonly deadline: number;
  /** Zones whose servers are known. They are not vetted. */
  readonly authorities?: readonly Authority[];
  /** Questions to one address; 20 a second and 40 at once when absent. */
  readonly rate?: RateLimit;
  /** 53 when absent. */
  readonly port?: number;
  /** Random octets, from a source that nobody can guess. */
  readonly random?: (size: number) => Uint8Array;
}

/** What is found out of zones and addresses is kept for as long as one check takes, and its repetition. */
const walkCache: CacheLimits = { maxPositive: 300_000, maxNegative: 60_000, failure: 1000, maxEntries: 20_000 };
const ordinaryRate: RateLimit = { perSecond: 20, burst: 40 };
/** Names that one question may lead to, where servers disagree about an alias as well. */
const mostNames = 2 * longestChain;

/** Questions on their way at once: a domain with many dead servers must not use up the sockets of this process. */
const mostInFlight = 256;

/** A check asks each server several questions at once, and domains share servers. */
const keeping: Omit<Keeping, "clock"> = { idle: 10_000, most: 64 };

interface Shell extends AuthoritativeOptions {
  readonly walk: ZoneCutOptions;
  readonly limiter: RateLimiter;
  readonly room: Room;
  readonly overTcp: AskOverTcp;
}

/** A question under way. */
interface Search<T extends RecordType> {
  readonly shell: Shell;
  readonly type: T;
  readonly transport: Transport;
  readonly signal: AbortSignal;
  /** Names that may still be asked for. */
  namesLeft: number;
}

/** Makes a resolver that walks to the zone of each name and asks all its servers, without recursion and without a cache. */
export function createAuthoritativeResolver(options: AuthoritativeOptions): AuthoritativeResolver {
  const { clock } = options;
  const resolver = cachedResolver(options.resolver, clock, walkCache);
  const { guard, authorities = [], port = 53, rate = ordinaryRate } = options;
  const shell: Shell = {
    ...options,
    walk: { resolver, guard, authorities, port },
    limiter: createRateLimiter(rate, clock),
    room: createRoom(mostInFlight),
    overTcp: keepTcpConnections({ clock, ...keeping }),
  };
  return {
    async ask(name, type, { transport, signal }) {
      const { signal: either, cancel } = timeLimit(clock, options.deadline, signal);
      try {
        return await search({ shell, type, transport, signal: either, namesLeft: mostNames }, [normaliseName(name)]);
      } finally {
        cancel();
      }
    },
  };
}

/** Asks for the last of the names; those before it are aliases that led to it. */
async function search<T extends RecordType>(
  state: Search<T>,
  names: readonly string[],
): Promise<AuthoritativeAnswer<T>> {
  const name = names.at(-1) ?? "";
  if (!isDomainName(name)) return { servers: [], problem: "not a domain name" };
  if (state.namesLeft-- <= 0 || names.length > longestChain + 1)
    return { servers: [], problem: `more than ${longestChain} aliases` };
  if (names.indexOf(name) < names.length - 1) return { servers: [], problem: "a loop of aliases" };
  const cut = await findZone(state.shell.walk, name, state.signal);
  if (cut.kind === "Failed") return { servers: [], problem: cut.reason };
  const readings = await Promise.all(
    cut.servers.map(async (each) => ({ label: labelOf(each), reading: await read(state, each, name) })),
  );
  return follow(state, names, readings);
}

type Label = Pick<ServerAnswer, "server" | "host">;

function labelOf({ server, host }: Label): Label {
  return { server, ...(host !== undefined && { host }) };
}

interface ServerReading<T extends RecordType> {
  readonly label: Label;
  readonly reading: OwnReading<T>;
}

/**
 * Goes on where servers name an alias. When all that say anything name the same, the servers of its target answer; else
 * what its servers say stands for the answer of each server that names it.
 */
async function follow<T extends RecordType>(
  state: Search<T>,
  names: readonly string[],
  readings: readonly ServerReading<T>[],
): Promise<AuthoritativeAnswer<T>> {
  const targets = new Map<string, AuthoritativeAnswer<T>>();
  for (const { reading } of readings)
    if (reading.kind === "Alias" && !targets.has(reading.target))
      targets.set(reading.target, await search(state, [...names, reading.target]));
  const answering = readings.filter(({ reading }) => reading.kind !== "Failed");
  const [only] = targets.values();
  if (only !== undefined && targets.size === 1 && answering.every(({ reading }) => reading.kind === "Alias")) {
    const silent = readings.flatMap(({ label, reading }) =>
      reading.kind === "Failed" ? [{ ...label, answer: reading }] : [],
    );
    return { ...only, servers: merge([...only.servers, ...silent]) };
  }
  const servers = readings.flatMap(({ label, reading }) =>
    reading.kind === "Alias" ? byAlias(label, targets.get(reading.target)) : [{ ...label, answer: reading }],
  );
  return { servers: merge(servers) };
}

/** One entry a server, sorted; what it said as the server of the target counts, not that it was silent before. */
function merge<T extends RecordType>(servers: readonly ServerAnswer<T>[]): readonly ServerAnswer<T>[] {
  const byName = new Map<string, ServerAnswer<T>>();
  for (const each of servers) if (!byName.has(each.server)) byName.set(each.server, each);
  return [...byName.values()].toSorted((a, b) => (a.server < b.server ? -1 : 1));
}

/** What a server says that names an alias: what the servers of the target agree on, or two of them that do not. */
function byAlias<T extends RecordType>(
  label: Label,
  target: AuthoritativeAnswer<T> = { servers: [] },
): readonly ServerAnswer<T>[] {
  const agreement = agree(target);
  if (agreement.kind === "Agreed") return [{ ...label, answer: agreement.answer }];
  if (agreement.kind === "Unreachable") return [{ ...label, answer: { kind: "Failed", reason: agreement.reason } }];
  return contradiction(agreement.servers).map(({ server, answer }) => ({
    server: `${label.server} by way of ${server}`,
    answer,
  }));
}

/** What one server says of one name. */
async function read<T extends RecordType>(state: Search<T>, { at }: ZoneServer, name: string): Promise<OwnReading<T>> {
  if ("reason" in at) return { kind: "Failed", reason: at.reason };
  const { shell, type, transport, signal } = state;
  const { clock, timeout, deadline, limiter, room, overTcp, random = randomBytes } = shell;
  const late: Answer<T> = { kind: "Failed", reason: `not answered within ${deadline} ms` };
  if (!(await limiter.turn(endpointText(at), deadline, signal)) || !(await room.enter(1, signal))) return late;
  const query = encodeQuery(name, type, random(octetsOfChance), false);
  const asked = await askServer(at, query, transport, { clock, timeout, signal, overTcp }).finally(() => room.leave(1));
  if (asked.kind === "Failed") return signal.aborted ? late : asked;
  return readOwnAnswer(asked.packet, type, name);
}
