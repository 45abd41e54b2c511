import { agree } from "../net/authoritative-answer.ts";
import type { AuthoritativeResolver } from "../net/authoritative.ts";
import type { Answer, Resolver } from "../net/resolver.ts";
import type { Clock } from "../runtime/clock.ts";
import { timeLimit } from "../runtime/time-limit.ts";
import {
  foldAgreement,
  foldAnswer,
  negativeTtlOf,
  noEvidence,
  type CheckPace,
  type DomainEvidence,
  type NameEvidence,
} from "./sending-domain/evidence.ts";
import { questionKey, type Question } from "./sending-domain/look-up.ts";
import type { DnsQuestions } from "./sending-domain/next-check.ts";
import { foldRelated, type RelatedEvidence } from "./sending-domain/related-evidence.ts";
import { relatedQuestions, type ClaimPolicies } from "./sending-domain/related-questions.ts";
import { checkDate, type CheckDate } from "./check-date.ts";
import { createFirstAnswers, type FirstAnswers } from "./first-answers.ts";
import { createWorkQueue } from "./work-queue.ts";

export interface DnsChecksOptions {
  readonly resolver: Resolver;
  /** Asks every authoritative server of the records of domains; the resolver is asked for them when absent. */
  readonly authoritative?: AuthoritativeResolver;
  readonly clock: Clock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  /** How soon names are checked again while one is watched. */
  readonly pace: CheckPace;
  /** Called with a key after a check of it has brought evidence. */
  readonly onEvidence: (key: string) => void;
  /** Called when a check broke, which a Resolver never causes. */
  readonly onError: (key: string, error: unknown) => void;
  /** Keys checked at once. */
  readonly inFlight: number;
}

/** Asks the DNS what plans want to know, and remembers what it said. Plans read; they never wait. */
export interface DnsChecks {
  readonly evidence: (key: string) => DomainEvidence;
  readonly first: Pick<FirstAnswers, "isAwaited">;
  /** Sets what to ask for a key, and when; it replaces what was set before. */
  readonly schedule: (key: string, questions: DnsQuestions) => void;
  /** Checks every key that has questions now. */
  readonly checkNow: () => void;
  readonly forget: (key: string) => void;
  readonly stop: () => Promise<void>;
}

/**
 * Milliseconds that the names which records include and inherit may take in one check. Others chose them, and their servers
 * may be slow on purpose: a check that waited for all would keep those of other domains from their turn.
 */
const relatedTime = 20_000;

/** Starts with no evidence. */
export function createDnsChecks(options: DnsChecksOptions): DnsChecks {
  const { clock } = options;
  const questions = new Map<string, DnsQuestions>();
  const evidence = new Map<string, DomainEvidence>();
  const asking = new Set<string>();
  const dates = new Map<string, CheckDate>();
  const first = createFirstAnswers(clock, (key) => evidence.has(key));
  const aborter = new AbortController();

  const check = async (key: string): Promise<undefined> => {
    const asked = questions.get(key);
    if (asked === undefined) return;
    asking.add(key);
    const found = await ask(options, asked, evidence.get(key) ?? noEvidence, aborter.signal).finally(() =>
      asking.delete(key),
    );
    // A claim that went meanwhile must not leave evidence behind.
    if (aborter.signal.aborted || !questions.has(key)) return;
    evidence.set(key, found);
    first.settle(key);
    options.onEvidence(key);
  };
  const queue = createWorkQueue({ ...options, work: check, firstRetry: 1000, longestRetry: 60_000 });

  return {
    evidence: (key) => evidence.get(key) ?? noEvidence,
    first,
    schedule(key, next) {
      if (aborter.signal.aborted) return;
      questions.set(key, next);
      first.asked(key);
      // The check under way brings evidence, and that another schedule.
      if (asking.has(key)) return;
      const date = checkDate(next.checkAt, dates.get(key), clock.now(), options.random);
      dates.set(key, date);
      if (date.at <= clock.now()) queue.add(key);
      else queue.addAfter(key, date.at - clock.now());
    },
    checkNow() {
      for (const key of questions.keys()) queue.add(key);
    },
    forget(key) {
      questions.delete(key);
      evidence.delete(key);
      dates.delete(key);
      first.settle(key);
    },
    async stop() {
      aborter.abort();
      first.settleAll();
      await queue.stop();
    },
  };
}

async function ask(
  options: DnsChecksOptions,
  asked: DnsQuestions,
  before: DomainEvidence,
  signal: AbortSignal,
): Promise<DomainEvidence> {
  const [negativeTtl, ...names] = await Promise.all([
    askZone(options, asked.zone, signal),
    ...asked.names.map(async (name) => [name, await askName(options, name, before.names.get(name), signal)] as const),
  ]);
  const own = { names: new Map(names), negativeTtl: negativeTtl || before.negativeTtl };
  const related = asked.policies && (await askRelated(options, asked.policies, { own, before, signal }));
  return { ...own, ...(related && { related }) };
}

/** What is known when related names are asked for. */
interface Known {
  readonly own: DomainEvidence;
  readonly before: DomainEvidence;
  readonly signal: AbortSignal;
}

/**
 * Asks for what records include and inherit, as answers tell where to look next. It ends: each name is asked once, all
 * are bounded, and what time is not enough for has failed. A resolver does, since these names lie in everybody's zones and
 * prove nothing.
 */
async function askRelated(
  { resolver, clock }: DnsChecksOptions,
  policies: ClaimPolicies,
  { own, before, signal }: Known,
): Promise<ReadonlyMap<string, RelatedEvidence>> {
  const related = new Map<string, RelatedEvidence>();
  const { signal: late, cancel } = timeLimit(clock, relatedTime, signal);
  const answerTo = async ({ name, type }: Question): Promise<Answer<Question["type"]>> => {
    const answer = late.aborted ? undefined : await resolver.resolve(name, type, late);
    const isLate = answer === undefined || (answer.kind === "Failed" && late.aborted);
    return isLate ? { kind: "Failed", reason: `not answered within ${relatedTime} ms` } : answer;
  };
  for (;;) {
    const open = relatedQuestions(policies, { ...own, related });
    if (open.length === 0 || signal.aborted) break;
    const answers = await Promise.all(open.map(async (each) => [questionKey(each), await answerTo(each)] as const));
    for (const [key, answer] of answers) related.set(key, foldRelated(before.related?.get(key), answer));
  }
  cancel();
  return related;
}

/** Seconds that a cache may hold that a name is not there: the most that any server says. */
async function askZone(
  { resolver, authoritative }: DnsChecksOptions,
  zone: string,
  signal: AbortSignal,
): Promise<number> {
  if (!authoritative) return negativeTtlOf(await resolver.resolve(zone, "SOA", signal));
  // Over TCP like the rest: what stands in the zone is asked over the same connection.
  const { servers } = await authoritative.ask(zone, "SOA", { transport: "TCP", signal });
  return Math.max(0, ...servers.map(({ answer }) => negativeTtlOf(answer)));
}

async function askName(
  { resolver, authoritative, clock, pace }: DnsChecksOptions,
  name: string,
  before: NameEvidence | undefined,
  signal: AbortSignal,
): Promise<NameEvidence> {
  if (!authoritative) {
    const answer: Answer<"TXT"> = await resolver.resolve(name, "TXT", signal);
    return foldAnswer(before, answer, clock.now(), { pace });
  }
  // Over TCP, because a DKIM record proves who owns the domain; and the same way for all that is reported beside it.
  const agreement = agree(await authoritative.ask(name, "TXT", { transport: "TCP", signal }));
  return foldAgreement(before, agreement, clock.now(), pace);
}
