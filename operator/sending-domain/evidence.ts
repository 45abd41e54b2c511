import { isDeepStrictEqual } from "node:util";
import type { Agreement } from "../../net/authoritative-answer.ts";
import type { Answer } from "../../net/resolver.ts";
import type { DnsTiming } from "../config.ts";
import type { RelatedEvidence } from "./related-evidence.ts";
import type { ShownAnswer } from "./verdict.ts";

/** What the checks of one name have shown so far. */
export interface NameEvidence {
  /** When the name was last asked for. */
  readonly checkedAt: number;
  /** Failed checks since the last conclusive one. */
  readonly failures: number;
  /** Why the last check failed; absent when it did not. */
  readonly failure?: string;
  /** The last conclusive answer; absent when every check failed. */
  readonly answer?: ShownAnswer;
  /** Servers that said nothing in the check that brought `answer`, while others did. */
  readonly silent?: readonly string[];
  /** When a conclusive check first said the same as `answer`, with no other between. */
  readonly since: number;
  /** Milliseconds that were seen to pass since then: of a clock that jumps no more counts than {@link CheckPace} allows. */
  readonly shownFor: number;
  /** When the last conclusive check was. */
  readonly confirmedAt: number;
  /** The conclusive answer of the check before. */
  readonly previous?: ShownAnswer;
  /** Seconds that caches may hold the answer: the highest TTL seen while it stood, since a resolver counts down. */
  readonly ttl: number;
  /** Seconds that caches may hold that there is nothing, as last seen at this name. */
  readonly negativeTtl: number;
}

/** What is known of a domain's zone. */
export interface DomainEvidence {
  /** TXT answers by lower-case name. */
  readonly names: ReadonlyMap<string, NameEvidence>;
  /** Answers beyond the claim's own records, by `TYPE name`; absent before the first check. */
  readonly related?: ReadonlyMap<string, RelatedEvidence>;
  /** Seconds that caches may hold that a name of the zone does not exist (RFC 2308); 0 when unknown. */
  readonly negativeTtl: number;
}

/** Nothing was asked yet. */
export const noEvidence: DomainEvidence = { names: new Map(), negativeTtl: 0 };

/** How soon names are checked again while one is watched, in milliseconds: at first, and what that rises to. */
export type CheckPace = Pick<DnsTiming, "missingInterval" | "missingIntervalMax">;

/** A check beside its answer. */
export interface CheckDetail {
  /** Bounds what counts as passed since the check before; without it everything does. */
  readonly pace?: CheckPace;
  /** Servers that said nothing while others did. */
  readonly silent?: readonly string[];
}

/** Takes in another answer. A failure says nothing of the zone: what was known stays known. */
export function foldAnswer(
  before: NameEvidence | undefined,
  answer: Answer<"TXT"> | ShownAnswer,
  now: number,
  { pace, silent = [] }: CheckDetail = {},
): NameEvidence {
  const known = before ?? nothingKnown(now);
  if (answer.kind === "Failed")
    return { ...known, checkedAt: now, failures: known.failures + 1, failure: answer.reason };
  const same = known.answer !== undefined && contentOf(known.answer) === contentOf(answer);
  const ttls = timesToLive(answer, known.negativeTtl);
  return {
    ...ttls,
    checkedAt: now,
    failures: 0,
    answer: theSame(known.answer, answer),
    ...(silent.length > 0 && { silent }),
    // A clock that jumped back must not make a record seem older than it is known to be.
    since: same ? Math.min(known.since, now) : now,
    shownFor: same ? known.shownFor + passedSince(known, now, pace) : 0,
    confirmedAt: now,
    ...(known.answer && { previous: known.answer }),
    ttl: same ? Math.max(known.ttl, ttls.ttl) : ttls.ttl,
  };
}

function nothingKnown(now: number): NameEvidence {
  return { checkedAt: now, failures: 0, since: now, shownFor: 0, confirmedAt: now, ttl: 0, negativeTtl: 0 };
}

/**
 * What counts as passed between the last conclusive check and this one: nothing when the clock was set back, and at most
 * twice the pause that lay between them by the pace, so that a clock that was set forward gains one pause and no more.
 * Pauses grow with what has counted: whoever would jump over a wait must jump again and again.
 */
function passedSince({ confirmedAt, shownFor }: NameEvidence, now: number, pace: CheckPace | undefined): number {
  const passed = Math.max(0, now - confirmedAt);
  return pace === undefined ? passed : Math.min(passed, 2 * pauseAfter(shownFor, pace));
}

/** How long to wait for the next check of a name that has shown the same for so long: longer the longer it has. */
export function pauseAfter(shownFor: number, { missingInterval, missingIntervalMax }: CheckPace): number {
  return Math.max(missingInterval, Math.min(shownFor, missingIntervalMax));
}

/** Takes in what the authoritative servers of a name said together. */
export function foldAgreement(
  before: NameEvidence | undefined,
  agreement: Agreement<"TXT">,
  now: number,
  pace?: CheckPace,
): NameEvidence {
  const { kind } = agreement;
  if (kind === "Unreachable") return foldAnswer(before, { kind: "Failed", reason: agreement.reason }, now);
  const silent = agreement.silent.map(({ server }) => server);
  const answer = kind === "Agreed" ? agreement.answer : { kind, servers: agreement.servers };
  return foldAnswer(before, answer, now, { silent, ...(pace && { pace }) });
}

/** The answer before, if another is in all the same: what was worked out of it counts on. */
function theSame(before: ShownAnswer | undefined, answer: ShownAnswer): ShownAnswer {
  return before !== undefined && isDeepStrictEqual(before, answer) ? before : answer;
}

function timesToLive(answer: ShownAnswer, negativeTtl: number): Pick<NameEvidence, "ttl" | "negativeTtl"> {
  if (answer.kind === "Records") return { ttl: answer.ttl, negativeTtl };
  if (answer.kind !== "Disagreement") return { ttl: 0, negativeTtl: answer.negativeTtl ?? negativeTtl };
  const each = answer.servers.map((showing) => timesToLive(showing.answer, negativeTtl));
  return {
    ttl: Math.max(...each.map(({ ttl }) => ttl)),
    negativeTtl: Math.max(...each.map((ttls) => ttls.negativeTtl)),
  };
}

/** What an answer says of the zone, whatever the order of records and their TTL. */
function contentOf(answer: ShownAnswer): string {
  if (answer.kind === "Disagreement")
    return JSON.stringify(answer.servers.map((showing) => [showing.server, contentOf(showing.answer)]));
  if (answer.kind !== "Records") return "";
  return JSON.stringify(answer.values.map((strings) => strings.join("")).toSorted());
}

/** Seconds that caches may hold a negative answer, from an answer to a SOA question at the domain, wherever its zone begins. */
export function negativeTtlOf(answer: Answer<"SOA">): number {
  if (answer.kind === "Failed") return 0;
  if (answer.kind !== "Records") return answer.negativeTtl ?? 0;
  return Math.min(answer.ttl, ...answer.values.map(({ minimum }) => minimum));
}

const longestWait = 24 * 3_600_000;

/**
 * Milliseconds that a record must have been seen before a key may sign: what a cache may still hold from before,
 * or the fleet's own delay, whichever is more, at most 24 hours.
 */
export function activationWait(name: NameEvidence, zone: DomainEvidence, activationDelay: number): number {
  const cached = 1000 * Math.max(name.ttl, name.negativeTtl, zone.negativeTtl);
  return Math.min(longestWait, Math.max(cached, activationDelay));
}
