/**
 * What a soak's evidence proves. Pure.
 *
 * - **Lost**: a message answered with 250 of which a recipient got no intact copy, or that no Capture environment keeps.
 * - **Untold**: a message that was taken without the client having seen 250. Explained when the connection ended with a
 *   kill of the relay at its other end, or when the client was told to come again while Redis was away.
 * - **Duplicate**: a second copy to a recipient. Explained when the relay that brought the copy before it never told
 *   that it was delivered, because it was killed after it (the lease was its own and died with it), or because Redis
 *   was away when it had to write that down.
 * - **Credits**: what the ledger says was spent is what the recipients of all messages taken come to, told or not, captured
 *   ones aside, which cost nothing; and no pool is overdrawn.
 * - **Memory**: the trend over a process's second half, by Theil and Sen, lets it grow by no more than a bound, over what
 *   it needed in the first half. That of a process that was watched for a minute or two is still its warming up, and no proof.
 */
import type { Copy, Evidence, Kill, MemorySeries, Outage, Submission, Told } from "./evidence.ts";

export type Cause = "Kill" | "RedisAway";

export interface Finding {
  /** What it is about, such as a Message-ID and a recipient. */
  readonly subject: string;
  readonly why: string;
}

export interface TenantCredits {
  readonly tenant: string;
  readonly used: number;
  /** Recipients of messages answered with 250. */
  readonly told: number;
  /** Recipients of messages that were taken without that. */
  readonly untold: number;
}

export interface MemoryTrend {
  readonly process: string;
  readonly peak: number;
  /** Octets by which the second half's trend rises, or those over the peak of the first half if they are fewer. */
  readonly growth: number;
  /** Whether it was watched for long enough. */
  readonly isTold: boolean;
}

export interface Judgement {
  readonly answered: number;
  readonly copies: number;
  readonly kept: number;
  readonly duplicates: Readonly<Record<Cause, number>>;
  readonly untold: Readonly<Record<Cause, readonly string[]>>;
  readonly credits: readonly TenantCredits[];
  readonly memory: readonly MemoryTrend[];
  /** What must not be, by the row of the report that it belongs to. */
  readonly failures: Readonly<Record<Row, readonly Finding[]>>;
}

export const rows = ["lost", "foreign", "duplicates", "untold", "credits", "memory", "waiting", "died"] as const;
export type Row = (typeof rows)[number];

/** How much clocks of events and of those who saw them may differ on a busy machine. */
const slack = 1000;
/** How long after a copy its relay still writes down that it was delivered, and after an outage still has no connection. */
const settling = 2000;
/** Octets. */
export const mostGrowth = 48 * 2 ** 20;
/** Milliseconds that a process is watched before its memory proves something: a heap warms up for a minute on a busy machine. */
export const warmUp = 180_000;

export function judge(evidence: Evidence): Judgement {
  const bySender = new Map(evidence.submissions.map((submission) => [submission.token, submission]));
  const arrived = arrivals(evidence);
  const untold = judgeUntold(evidence, arrived);
  const duplicates = judgeDuplicates(evidence);
  const credits = tally(evidence, arrived);
  const memory = evidence.memory.map(trendOf);
  return {
    answered: evidence.submissions.filter(isAnswered).length,
    copies: evidence.copies.length,
    kept: evidence.kept.length,
    duplicates: duplicates.explained,
    untold: untold.explained,
    credits: credits.tenants,
    memory,
    failures: {
      lost: lost(evidence, arrived),
      foreign: foreign(evidence, bySender),
      duplicates: duplicates.findings,
      untold: untold.findings,
      credits: credits.findings,
      memory: memory
        .filter(({ growth, isTold }) => isTold && growth > mostGrowth)
        .map(({ process, growth }) => ({ subject: process, why: `grows by ${Math.round(growth / 2 ** 20)} MiB` })),
      waiting: evidence.waiting === 0 ? [] : [{ subject: `${evidence.waiting} deliveries`, why: "still in the spool" }],
      died: evidence.died.map((subject) => ({ subject, why: "ended though nobody killed it" })),
    },
  };
}

export function isAnswered({ reply }: Submission): boolean {
  return reply?.startsWith("250") === true;
}

/** Who got which message, whole or not: recipients by token. */
type Arrivals = ReadonlyMap<string, ReadonlySet<string>>;

function arrivals({ copies, kept }: Pick<Evidence, "copies" | "kept">): Arrivals {
  const found = new Map<string, Set<string>>();
  for (const { token, recipients } of [...copies, ...kept]) {
    const known = found.get(token) ?? new Set();
    for (const recipient of recipients) known.add(recipient);
    found.set(token, known);
  }
  return found;
}

function lost({ submissions, told }: Evidence, arrived: Arrivals): readonly Finding[] {
  const givenUp = new Map(
    told.filter(({ type }) => type !== "delivered").map((event) => [`${event.token} ${event.recipient}`, event.type]),
  );
  return submissions
    .filter((submission) => isAnswered(submission) || arrived.has(submission.token))
    .flatMap(({ token, recipients }) =>
      recipients
        .filter((recipient) => arrived.get(token)?.has(recipient) !== true)
        .map((recipient) => {
          const subject = `${token} ${recipient}`;
          return { subject, why: givenUp.get(subject) ?? "nothing arrived" };
        }),
    );
}

/** What nobody sent like that. */
function foreign({ copies, kept }: Evidence, bySender: ReadonlyMap<string, Submission>): readonly Finding[] {
  const damaged = copies.filter(({ intact }) => !intact);
  const strange = [
    ...copies.map((copy) => ({ ...copy, route: "Deliver" })),
    ...kept.map((one) => ({ ...one, route: "Capture" })),
  ].filter(({ token, recipients, route }) => {
    const sent = bySender.get(token);
    return sent?.route !== route || recipients.some((recipient) => !sent.recipients.includes(recipient));
  });
  return [
    ...damaged.map(({ token }) => ({ subject: token, why: "its body is another" })),
    ...strange.map(({ token }) => ({ subject: token, why: "nobody sent it there" })),
  ];
}

function overlaps(outage: Outage, from: number, until: number): boolean {
  return outage.from <= until && from <= outage.until + settling;
}

function judgeUntold({ submissions, kills, outages }: Evidence, arrived: Arrivals) {
  const explained: Record<Cause, string[]> = { Kill: [], RedisAway: [] };
  const findings: Finding[] = [];
  for (const submission of submissions) {
    const { token, reply, relay, startedAt, endedAt } = submission;
    if (isAnswered(submission) || !arrived.has(token)) continue;
    const isKilled = kills.some((kill) => kill.relay === relay && kill.at >= startedAt && kill.at <= endedAt + slack);
    const isAway = outages.some((outage) => overlaps(outage, startedAt, endedAt));
    if (reply === undefined && isKilled) explained.Kill.push(token);
    else if (reply?.startsWith("451 4.3.0") === true && isAway) explained.RedisAway.push(token);
    else findings.push({ subject: token, why: `taken, but the client was told: ${reply ?? "nothing"}` });
  }
  return { explained, findings };
}

function judgeDuplicates({ copies, told, kills, outages }: Evidence) {
  const explained: Record<Cause, number> = { Kill: 0, RedisAway: 0 };
  const findings: Finding[] = [];
  const deliveries = Map.groupBy(
    told.filter(({ type }) => type === "delivered"),
    ({ token, recipient }) => `${token} ${recipient}`,
  );
  for (const [subject, received] of copiesByRecipient(copies)) {
    const inOrder = received.toSorted((a, b) => a.at - b.at);
    for (const [index, again] of inOrder.slice(1).entries()) {
      const before = inOrder[index] ?? again;
      const cause = causeOf({ before, again, told: deliveries.get(subject) ?? [], kills, outages });
      if (cause === "Kill" || cause === "RedisAway") explained[cause] += 1;
      else findings.push({ subject, why: cause });
    }
  }
  return { explained, findings };
}

function copiesByRecipient(copies: readonly Copy[]): ReadonlyMap<string, readonly Copy[]> {
  const found = new Map<string, Copy[]>();
  for (const copy of copies)
    for (const recipient of copy.recipients) {
      const subject = `${copy.token} ${recipient}`;
      const known = found.get(subject);
      if (known) known.push(copy);
      else found.set(subject, [copy]);
    }
  return found;
}

interface Pair {
  readonly before: Copy;
  readonly again: Copy;
  readonly told: readonly Told[];
  readonly kills: readonly Kill[];
  readonly outages: readonly Outage[];
}

/** Why a copy came again, or, in words, why it must not have. */
function causeOf({ before, again, told, kills, outages }: Pair): string {
  const { relay, at } = before;
  const isTold = told.some((event) => event.relay === relay && event.at >= at - slack && event.at < again.at);
  if (isTold) return `${relay} told that it was delivered, and ${again.relay} brought it ${again.at - at} ms later`;
  if (kills.some((kill) => kill.relay === relay && kill.at >= at - slack && kill.at <= again.at)) return "Kill";
  if (outages.some((outage) => overlaps(outage, at - slack, Math.min(at + settling, again.at)))) return "RedisAway";
  return `${again.relay} brought it ${again.at - at} ms after ${relay}, which was not killed, nor Redis away`;
}

function tally({ submissions, spent }: Evidence, arrived: Arrivals) {
  const tenants = [...new Set([...submissions, ...spent].map(({ tenant }) => tenant))].toSorted();
  const count = (tenant: string, which: (submission: Submission) => boolean): number =>
    submissions
      .filter((submission) => submission.tenant === tenant && submission.route === "Deliver" && which(submission))
      .reduce((sum, { recipients }) => sum + recipients.length, 0);
  const credits = tenants.map((tenant) => ({
    tenant,
    used: spent.filter((pool) => pool.tenant === tenant).reduce((sum, { used }) => sum + used, 0),
    told: count(tenant, isAnswered),
    untold: count(tenant, (submission) => !isAnswered(submission) && arrived.has(submission.token)),
  }));
  const wrong = credits
    .filter(({ used, told, untold }) => used !== told + untold)
    .map(({ tenant, used, told, untold }) => ({ subject: tenant, why: `used ${used}, taken ${told} + ${untold}` }));
  const overdrawn = spent
    .filter(({ used, limit }) => limit !== undefined && used > limit)
    .map(({ tenant, pool, used, limit }) => ({ subject: `${tenant} ${pool}`, why: `used ${used} of ${limit}` }));
  return { tenants: credits, findings: [...wrong, ...overdrawn] };
}

function trendOf({ process, samples }: MemorySeries): MemoryTrend {
  const half = samples.slice(Math.floor(samples.length / 2));
  const slopes = half.flatMap((a, index) =>
    half
      .slice(index + 1)
      .filter((b) => b.at > a.at)
      .map((b) => (b.octets - a.octets) / (b.at - a.at)),
  );
  const span = (half.at(-1)?.at ?? 0) - (half[0]?.at ?? 0);
  const before = peakOf(samples.slice(0, samples.length - half.length));
  const end = medianOf(samples.slice(-Math.ceil(samples.length / 10)).map(({ octets }) => octets));
  // What it needed before, gave back and needs again is no leak.
  const isTold = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0) >= warmUp;
  return { process, peak: peakOf(samples), growth: Math.min(medianOf(slopes) * span, end - before), isTold };
}

function peakOf(samples: MemorySeries["samples"]): number {
  return Math.max(0, ...samples.map(({ octets }) => octets));
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
