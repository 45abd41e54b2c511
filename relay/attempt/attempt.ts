import type { Hop } from "../route/hop.ts";
import type { MessageReplies } from "./dialogue.ts";
import { judgeExtensions, judgeLoggedIn, judgeOpening, judgeTransaction, type Judgement } from "./judge.ts";
import type { Loan } from "./hop-sessions.ts";
import type { Pool } from "./pool.ts";
import { isPositive } from "./reply.ts";
import type { Failure, RecipientResult, Result, SessionTls } from "./result.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";

/** A message for the recipients at one domain. */
export interface AttemptRequest {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** In parts, to be sent one after the other: signature fields, and the content as it was spooled. Never altered. */
  readonly content: readonly Uint8Array[];
  readonly eightBit: boolean;
  readonly smtpUtf8: boolean;
  /** Asked before the final dot of each hop: false withholds it. Yes when absent. */
  readonly mayEnd?: (() => Promise<boolean>) | undefined;
}

/** What a hop did: a judgement for each recipient that it was asked for. */
interface HopReport {
  readonly judgements: readonly Judgement[];
  readonly tls?: SessionTls | undefined;
}

/** Characters that no address can hold between angle brackets, however it is quoted. */
const unsendable = /[\r\n<>]/;

/**
 * Tries the hops in order until each recipient has a result of its own. The next hop is asked only for those of whom
 * the last one said nothing; a refusal of the message, of the sender or of a recipient is final, wherever it comes from.
 * When no hop is left, the failure is permanent only if every hop's was. Never rejects.
 */
export async function attempt(
  request: AttemptRequest,
  hops: readonly Hop[],
  pool: Pool,
  signal?: AbortSignal,
): Promise<readonly RecipientResult[]> {
  const results = new Map<string, RecipientResult>();
  for (const recipient of request.recipients)
    if (unsendable.test(recipient) || unsendable.test(request.sender))
      results.set(recipient, { recipient, result: badAddress });

  const failures = new Map<string, RecipientResult>();
  for (const hop of hops) {
    const open = request.recipients.filter((recipient) => !results.has(recipient));
    if (open.length === 0 || signal?.aborted === true) break;
    const report = await tryHop({ ...request, recipients: open }, hop, pool, signal);
    for (const [i, recipient] of open.entries())
      note({ recipient, hop, report, judgement: report.judgements[i] }, results, failures);
    // It is there, only not for us now: a hop of lower rank is not asked in its stead.
    if (report.judgements.some((judgement) => judgement.kind === "Elsewhere" && isHopBusy(judgement.failure))) break;
  }
  return request.recipients.map(
    (recipient) => results.get(recipient) ?? failures.get(recipient) ?? { recipient, result: nothingTried },
  );
}

/** The hop was not spoken to, because all the connections with it that we may have were in use for too long. */
export function isHopBusy(result: Result): result is Failure {
  return result.class === "HopBusy";
}

const badAddress: Failure = {
  kind: "Permanent",
  class: "BadAddress",
  enhanced: "5.1.3",
  text: "an address with angle brackets cannot be sent",
};

const nothingTried: Failure = {
  kind: "Temporary",
  class: "TimedOut",
  enhanced: "4.4.7",
  text: "there was no time left to try a server",
};

interface Judged {
  readonly recipient: string;
  readonly hop: Hop;
  readonly report: HopReport;
  readonly judgement: Judgement | undefined;
}

/** Keeps a final result, or the failure that stands for it until another hop does better. A temporary one outweighs. */
function note(judged: Judged, results: Map<string, RecipientResult>, failures: Map<string, RecipientResult>): void {
  const { recipient, hop, report, judgement } = judged;
  if (judgement === undefined) return;
  const result = judgement.kind === "Final" ? judgement.result : judgement.failure;
  const { host, address, port } = hop;
  const entry: RecipientResult = {
    recipient,
    result,
    hop: { host, address, port },
    ...(report.tls === undefined ? {} : { tls: report.tls }),
  };
  if (judgement.kind === "Final") results.set(recipient, entry);
  else if (result.kind === "Temporary" || failures.get(recipient)?.result.kind !== "Temporary")
    failures.set(recipient, entry);
}

const elsewhere = (failure: Failure, request: AttemptRequest): HopReport => ({
  judgements: request.recipients.map(() => ({ kind: "Elsewhere", failure })),
});

/** Tries one hop; over plaintext too, when its TLS is broken and nobody asked for TLS. */
async function tryHop(request: AttemptRequest, hop: Hop, pool: Pool, signal?: AbortSignal): Promise<HopReport> {
  const acquired = await pool.acquire(hop, signal === undefined ? {} : { signal });
  if ("session" in acquired) return sendOver(acquired, request, pool, signal);
  const mayGoPlain = hop.tls.start === "IfOffered" && acquired.failure.stage === "TLS" && signal?.aborted !== true;
  if (mayGoPlain) return tryHop(request, { ...hop, tls: { start: "Never", verify: false } }, pool, signal);
  return elsewhere(judgeOpening(acquired.failure, hop.tls), request);
}

/** Sends over a session. One that was reused and turns out to be closed is replaced by a fresh one, once. */
async function sendOver(loan: Loan, request: AttemptRequest, pool: Pool, signal?: AbortSignal): Promise<HopReport> {
  const { session, reused } = loan;
  const obstacle = judgeExtensions(session.extensions, request, request.smtpUtf8);
  if (obstacle !== undefined) {
    pool.release(session, true);
    return { judgements: request.recipients.map(() => ({ kind: "Final", result: obstacle })), tls: session.tls };
  }
  const onAbort = (): void => session.close(true);
  signal?.addEventListener("abort", onAbort, { once: true });
  const transaction = await session.send(request);
  await giveBack(session, transaction, pool);
  signal?.removeEventListener("abort", onAbort);
  const wasStale = reused && isStale(transaction) && signal?.aborted !== true;
  const judge = session.hop.login === undefined ? judgeTransaction : judgeLoggedIn;
  if (!wasStale) return { judgements: judge(request.recipients, transaction), tls: session.tls };
  const again = await pool.acquire(session.hop, { fresh: true, ...(signal === undefined ? {} : { signal }) });
  if ("session" in again) return sendOver(again, request, pool, signal);
  return elsewhere(judgeOpening(again.failure, session.hop.tls), request);
}

/** A hop closes a session that was idle, or that has carried enough, without a word or with 421: not a failure. */
function isStale({ replies, error }: Transaction): boolean {
  return replies.mail === undefined ? error !== undefined : replies.mail.startsWith("421");
}

/** After a message that went through the next one may follow; after any other the hop is asked to forget it first. */
async function giveBack(session: Session, { replies }: Transaction, pool: Pool): Promise<void> {
  const isDone = replies.content !== undefined && isPositive(replies.content);
  pool.release(session, session.isOpen && !isOutOfStep(replies) && (isDone || (await session.reset())));
}

/** Replies that fit no command but an earlier one: each later message would be judged by what answers another. */
function isOutOfStep({ data, content }: MessageReplies): boolean {
  return (data !== undefined && isPositive(data)) || (content !== undefined && !/^[245]/.test(content));
}
