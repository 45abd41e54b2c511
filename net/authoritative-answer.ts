import type { Answer, RecordType } from "./resolver.ts";

/** An answer that says something of the zone: everything but a failure. */
export type Conclusive<T extends RecordType = RecordType> = Exclude<Answer<T>, { readonly kind: "Failed" }>;

/** What one authoritative server said. */
export interface ServerAnswer<T extends RecordType = RecordType> {
  /** The server's name and address, such as `ns1.example.net (192.0.2.1)`, or its address and port. */
  readonly server: string;
  /** The server's name; addresses of one name are one server. Absent where only its address is known. */
  readonly host?: string;
  /** `Failed`: it could not be reached, is not authoritative for the zone, or must not be asked. */
  readonly answer: Answer<T>;
}

/** What the authoritative servers of a name said, one entry a server, sorted by server. */
export interface AuthoritativeAnswer<T extends RecordType = RecordType> {
  readonly servers: readonly ServerAnswer<T>[];
  /** Why there are no servers to ask. */
  readonly problem?: string;
}

/** A server that said something. */
export interface Showing<T extends RecordType = RecordType> {
  readonly server: string;
  readonly answer: Conclusive<T>;
}

/** A server that said nothing, and why. */
export interface Silence {
  readonly server: string;
  readonly reason: string;
}

/** What several servers say together. */
export type Agreement<T extends RecordType = RecordType> =
  | { readonly kind: "Agreed"; readonly answer: Conclusive<T>; readonly silent: readonly Silence[] }
  /** They contradict each other: a zone that lags, or servers that were never in step. */
  | { readonly kind: "Disagreement"; readonly servers: readonly Showing<T>[]; readonly silent: readonly Silence[] }
  | { readonly kind: "Unreachable"; readonly reason: string; readonly silent: readonly Silence[] };

/**
 * Whether every server that could be reached says the same; order, TTL and how a TXT record is cut do not matter. A server
 * that was heard at one of its addresses is not silent, though another leads nowhere: many networks have no IPv6.
 */
export function agree<T extends RecordType>({ servers, problem }: AuthoritativeAnswer<T>): Agreement<T> {
  const showing: Showing<T>[] = [];
  const silent: Silence[] = [];
  const heard = new Set(servers.map(({ host, answer }) => (answer.kind === "Failed" ? undefined : host)));
  for (const { server, host, answer } of servers) {
    if (answer.kind !== "Failed") showing.push({ server, answer });
    else if (host === undefined || !heard.has(host)) silent.push({ server, reason: answer.reason });
  }
  const [first] = showing;
  if (first === undefined) return { kind: "Unreachable", reason: problem ?? silenceText(silent), silent };
  if (new Set(showing.map(({ answer }) => contentOf(answer))).size > 1)
    return { kind: "Disagreement", servers: showing, silent };
  return { kind: "Agreed", answer: longestLived(first.answer, showing), silent };
}

/** Two of several that contradict each other: as much as one must know to know that they do. */
export function contradiction<T extends RecordType>(servers: readonly Showing<T>[]): readonly Showing<T>[] {
  const [first] = servers;
  const other = servers.find(({ answer }) => first !== undefined && contentOf(answer) !== contentOf(first.answer));
  return [first, other].filter((each) => each !== undefined);
}

/** What an answer says of the zone. That a name has no such record and that it does not exist say the same. */
function contentOf(answer: Conclusive): string {
  if (answer.kind !== "Records") return "";
  const texts = answer.values.map((value) => (isStrings(value) ? value.join("") : JSON.stringify(value)));
  return JSON.stringify(texts.toSorted());
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}

/** The answer with the longest time that a cache may hold it, whichever server that asked. */
function longestLived<T extends RecordType>(answer: Conclusive<T>, all: readonly Showing<T>[]): Conclusive<T> {
  if (answer.kind === "Records")
    return { ...answer, ttl: Math.max(...all.map((each) => (each.answer.kind === "Records" ? each.answer.ttl : 0))) };
  const ttls = all.flatMap((each) => (each.answer.kind === "Records" ? [] : (each.answer.negativeTtl ?? [])));
  return { kind: answer.kind, ...(ttls.length > 0 && { negativeTtl: Math.max(...ttls) }) };
}

function silenceText(silent: readonly Silence[]): string {
  const [first] = silent;
  if (first === undefined) return "the zone has no name server";
  const others = silent.length > 1 ? `, and ${silent.length - 1} more` : "";
  return `no name server answers: ${first.server}: ${first.reason}${others}`;
}
