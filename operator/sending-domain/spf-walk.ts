import { joinedRecords, type ConclusiveAnswer } from "./verdict.ts";
import type { LookUp, Question } from "./look-up.ts";
import { isSpf, parseTerms, type SpfTerm } from "./spf-terms.ts";

/** Terms that ask the DNS, at most, before receivers give up (RFC 7208 §4.6.4). */
export const mostLookUps = 10;
/** Look-ups without an answer, at most, before receivers give up (RFC 7208 §4.6.4). */
export const mostVoids = 2;
/** Where counting ends: enough beyond the limit to say how much too much a record is. */
export const countingEnds = 15;
/** More mail exchangers of one name are an error (RFC 7208 §4.6.4). */
const mostExchangers = 10;
/** As many faults as are told. */
const mostFaults = 5;

/** A record to be evaluated: the one at a domain, or one that might be published there. */
export interface SpfSubject {
  readonly domain: string;
  readonly record: string;
  /** The name whose inclusion is looked for. */
  readonly include: string;
}

/** What a receiver comes to that follows every term of a record up to `all`, whoever sends. */
export interface SpfWalk {
  /** Whether mail from the included name passes: by include or redirect, nested in others or not. */
  readonly reached: boolean;
  /** Terms that ask the DNS; beyond {@link countingEnds} not all are counted. */
  readonly lookUps: number;
  /** Names that were asked for in vain, each as often as it was. */
  readonly voids: readonly string[];
  /** What makes receivers give up, limits aside; sentences. */
  readonly faults: readonly string[];
  /** What is wrong with the included name's own record, which is not for the domain's owner to mend. */
  readonly includeFaults: readonly string[];
  /** The terms of the record itself with the look-ups that each costs, those of 0 left out. */
  readonly costs: readonly (readonly [term: string, lookUps: number])[];
  /** Names that could not be asked for. */
  readonly unclear: readonly string[];
}

interface Tally {
  readonly lookUp: LookUp;
  readonly include: string;
  reached: boolean;
  /** A record is not known yet. */
  isWaiting: boolean;
  lookUps: number;
  readonly voids: string[];
  readonly faults: string[];
  readonly includeFaults: string[];
  readonly costs: [string, number][];
  readonly unclear: Set<string>;
}

/** Where in the tree of records a term stands. */
interface Place {
  readonly domain: string;
  /** Domains from the first record down to this one. */
  readonly path: readonly string[];
  /** Whether a match here makes the whole pass. */
  readonly passing: boolean;
}

/** Follows a record through all that it includes, as far as answers are known. It ends whatever the records say. */
export function walkSpf({ domain, record, include }: SpfSubject, lookUp: LookUp): SpfWalk {
  const tally: Tally = {
    lookUp,
    include: plainName(include),
    reached: false,
    isWaiting: false,
    lookUps: 0,
    voids: [],
    faults: [],
    includeFaults: [],
    costs: [],
    unclear: new Set(),
  };
  visit(tally, record, { domain: plainName(domain), path: [plainName(domain)], passing: true });
  return { ...tally, unclear: [...tally.unclear] };
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** The terms that receivers come to, in their order: up to `all`, and without one `redirect` last (RFC 7208 §5.1, §6.1). */
function reachedTerms(record: string): readonly SpfTerm[] {
  const terms = parseTerms(record);
  const end = terms.findIndex(({ kind }) => kind === "All");
  // Receivers read the whole record before they evaluate it: a fault behind `all` is one too (RFC 7208 §4.6).
  const faults = terms.filter(({ kind }, at) => kind === "Fault" && end !== -1 && at > end);
  if (end !== -1) return [...faults, ...terms.slice(0, end).filter(({ kind }) => kind !== "Redirect")];
  const redirects = terms.filter(({ kind }) => kind === "Redirect");
  const [, second] = redirects;
  const twice: SpfTerm[] = second ? [{ kind: "Fault", text: second.text }] : [];
  return [...twice, ...terms.filter(({ kind }) => kind !== "Redirect"), ...redirects.slice(0, 1)];
}

function visit(tally: Tally, record: string, place: Place): void {
  for (const term of reachedTerms(record)) {
    if (tally.lookUps > countingEnds) return;
    const before = tally.lookUps;
    visitTerm(tally, term, place);
    if (place.path.length === 1 && tally.lookUps > before) tally.costs.push([term.text, tally.lookUps - before]);
  }
}

function visitTerm(tally: Tally, term: SpfTerm, place: Place): void {
  switch (term.kind) {
    case "Include":
    case "Redirect":
      return descend(tally, term, place);
    case "A":
    case "MX":
      return askHosts(tally, term, place);
    case "Exists":
    case "PTR":
      tally.lookUps += 1;
      return;
    case "Fault":
      fault(tally, place, `"${term.text.slice(0, 200)}" at ${place.domain} is no term of SPF, or one too many.`);
      return;
    case "All":
    case "Address":
    case "Other":
      return;
    default:
      term satisfies never;
  }
}

/** Faults below the fleet's own name are the fleet's. */
function fault(tally: Tally, place: Place, sentence: string): void {
  const list = place.path.includes(tally.include) ? tally.includeFaults : tally.faults;
  if (list.length < mostFaults && !list.includes(sentence)) list.push(sentence);
}

function answerTo<T extends Question["type"]>(tally: Tally, name: string, type: T) {
  if (tally.isWaiting) return undefined;
  const answer = tally.lookUp(name, type);
  // In the order of a receiver: what lies behind an unknown record is asked for when that is known, so that no more is
  // ever asked for than a receiver would.
  if (answer === undefined && type === "TXT") tally.isWaiting = true;
  if (answer?.kind === "Failed") tally.unclear.add(name);
  return answer?.kind === "Failed" ? undefined : answer;
}

function descend(tally: Tally, term: Extract<SpfTerm, { kind: "Include" | "Redirect" }>, place: Place): void {
  tally.lookUps += 1;
  const { name } = term;
  if (name === undefined) return;
  const passing = place.passing && (term.kind === "Redirect" || term.qualifier === "+");
  if (passing && name === tally.include) tally.reached = true;
  const below = { domain: name, path: [...place.path, name], passing };
  if (place.path.includes(name)) {
    fault(tally, place, `The records include each other in a circle: ${below.path.join(", ")}.`);
    return;
  }
  const answer = answerTo(tally, name, "TXT");
  if (answer === undefined) return;
  const found = spfRecordsIn(answer);
  const [record] = found;
  if (answer.kind !== "Records" && name !== tally.include) tally.voids.push(name);
  if (record === undefined) fault(tally, below, `"${term.text}" names a domain without an SPF record.`);
  else if (found.length > 1) fault(tally, below, `"${term.text}" names a domain with ${found.length} SPF records.`);
  else visit(tally, record, below);
}

function spfRecordsIn(answer: ConclusiveAnswer): readonly string[] {
  return joinedRecords(answer).filter(isSpf);
}

/** `a` and `mx`: a name that has no address of either kind, or no exchanger, was asked for in vain. */
function askHosts(tally: Tally, term: Extract<SpfTerm, { kind: "A" | "MX" }>, place: Place): void {
  tally.lookUps += 1;
  const name = term.own ? place.domain : term.name;
  if (name === undefined) return;
  const first = answerTo(tally, name, term.kind);
  if (first === undefined) return;
  if (first.kind === "Records") {
    if (term.kind === "MX" && first.values.length > mostExchangers)
      fault(tally, place, `"${term.text}" at ${place.domain} names more than ${mostExchangers} mail exchangers.`);
    return;
  }
  const second = term.kind === "A" && first.kind === "NoData" ? answerTo(tally, name, "AAAA") : first;
  if (second !== undefined && second.kind !== "Records" && !place.path.includes(tally.include)) tally.voids.push(name);
}
