import type { Clock } from "../../../runtime/clock.ts";
import { type Allowance, periodOf, type TopUp } from "../../../contract/credits.ts";
import type { RateLimit } from "../../../contract/rates.ts";
import {
  type AcceptResult,
  type NewMessage,
  type RateLimited,
  type Settlement,
  type Spool,
  StoreFull,
} from "../spool.ts";
import { StoreUnavailable } from "../store.ts";
import { acceptScript } from "./accept-script.ts";
import type { Argument, Call, RedisConnection, Reply } from "./connection.ts";
import { type Keys, memberOf, mostDeliveries } from "./keys.ts";
import { bytesOf, isList, listOf, numberOf, textOf } from "./reply.ts";
import { isNothingSent } from "./nothing-sent.ts";
import { formatRow, formatState, readDelivery } from "./rows.ts";
import { claimScript, renewScript, settleScript } from "./spool-scripts.ts";
import { ReplicasLate } from "./replicated.ts";
import type { HighestTime } from "./time.ts";
import { type Withdrawals, withdrawals } from "./withdraw.ts";

/** How long a content that was sent ahead waits for its message. */
const ahead = 600_000;
/** How often acceptance is tried before it is given up: each time but the first another one came in between. */
const tries = 5;

export interface RedisSpool {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly highest: HighestTime;
  readonly clock: Pick<Clock, "after">;
}

type Parts = RedisSpool & { readonly withdrawals: Withdrawals };

/** The spool on Redis. */
export function redisSpool(spool: RedisSpool): Spool {
  const { connection, keys } = spool;
  const prefix = [keys.prefix];
  const parts = { ...spool, withdrawals: withdrawals(connection, keys.prefix, spool.clock) };
  return {
    accept: (message) => accept(parts, message),
    async claim(now, limit, lease) {
      const reply = listOf(await connection.run(claimScript, prefix, [now, limit, now + lease]));
      return Array.from({ length: reply.length / 4 }, (_, row) =>
        readDelivery(reply.slice(4 * row, 4 * row + 4), now + lease),
      );
    },
    async renew({ key, token }, until) {
      const member = memberOf(key);
      return member !== undefined && (await connection.run(renewScript, prefix, [member, token, until])) === 1;
    },
    async content(messageId) {
      return bytesOf(await connection.command("GET", keys.body(messageId)));
    },
    async settle({ key, token }, settlement) {
      const member = memberOf(key);
      if (member === undefined) return false;
      const args = [member, token, ...settlementOf(settlement)];
      // Replicas are not waited for, nor must they be there: what a failover takes back is tried again, and nothing is lost.
      return (await connection.run(settleScript, prefix, args)) === 1;
    },
    async nextDue() {
      const [, at] = listOf(await connection.command("ZRANGE", keys.due, 0, 0, "WITHSCORES"));
      return at === undefined ? undefined : Number(textOf(at));
    },
  };
}

async function accept(spool: Parts, message: NewMessage): Promise<AcceptResult> {
  const { connection, keys, highest } = spool;
  const { envelope, content, deliveries } = message;
  if (deliveries.length === 0) throw new RangeError(`message ${envelope.id} has no deliveries`);
  if (deliveries.length > mostDeliveries) throw new RangeError(`message ${envelope.id} has too many deliveries`);
  if (connection.full()) throw new StoreFull("Redis uses as much memory as messages may take");
  const body = { command: "SET", args: [keys.body(envelope.id), content, "PX", ahead, "NX"] };
  for (let round = 0; round < tries; round += 1) {
    const late = connection.lateAt?.(content.byteLength);
    const args = argumentsOf(message, Math.max(highest.known(), envelope.acceptedAt), late);
    const replies = await commitOrWithdraw(spool, message, [body, { script: acceptScript, keys: [keys.prefix], args }]);
    if (replies === "Kept") return "Accepted";
    const result = readAnswer(replies[1] ?? null, highest);
    if (result !== "Again") return result;
  }
  throw new StoreUnavailable("a message could not be accepted, others came in between each time");
}

/**
 * What the client is not told to be accepted must not be delivered, or it is sent twice. So it is taken back when too few
 * replicas had it; when somebody delivers it already it counts as accepted: `Kept`. After any other failure, unless nothing
 * was sent, it may have been taken: taking it back travels behind it, and is insisted on while Redis is away. Somebody may be
 * quicker, so Redis itself does not take what it comes to when nobody waits for the answer any more.
 */
async function commitOrWithdraw(
  spool: Parts,
  message: NewMessage,
  calls: readonly Call[],
): Promise<readonly Reply[] | "Kept"> {
  try {
    return await spool.connection.commit(calls);
  } catch (error) {
    if (isNothingSent(error)) throw error;
    if (!(error instanceof ReplicasLate)) {
      spool.withdrawals.later(message);
      throw error;
    }
    const gone = await spool.withdrawals.now(message).catch(() => {
      spool.withdrawals.later(message);
      return true;
    });
    if (!gone) return "Kept";
    throw new StoreUnavailable(error.message, { cause: error });
  }
}

const plain: ReadonlySet<string> = new Set(["Accepted", "AcceptedLow", "AcceptedLast", "Exhausted"]);

function isPlain(word: string): word is Exclude<AcceptResult, RateLimited> {
  return plain.has(word);
}

/** `Again` when the period that was told is over, or the content went with the refusal of the same id. */
function readAnswer(reply: Reply, highest: HighestTime): AcceptResult | "Again" {
  const [answer, first, second] = isList(reply) ? reply : [reply];
  const word = textOf(answer);
  if (isPlain(word)) return word;
  if (word === "RateLimited") return { kind: "RateLimited", key: textOf(first), retryAt: numberOf(second) };
  if (word === "Late") throw new StoreUnavailable("Redis came to the message too late");
  if (word === "Full") throw new StoreFull("the tenant has as much in the spool as it may");
  if (word === "Period") highest.hear(numberOf(first));
  return "Again";
}

/** What the script of acceptance wants to know, at the time that the store's clock is thought to show. */
function argumentsOf(
  { envelope, deliveries, charge }: NewMessage,
  time: number,
  late: number | undefined,
): readonly Argument[] {
  const { id, acceptedAt } = envelope;
  const { allowance, rates = [], rated = 0 } = charge;
  const { credits } = allowance;
  const limits = rated === 0 ? [] : rates;
  // What costs nothing belongs to no period.
  const period = charge.recipients === 0 ? { name: "", startsAt: 0 } : periodOf(credits, time);
  const amount = credits.type === "Unlimited" ? "" : credits.amount;
  const pools = topUpsOf(allowance);
  const price = [charge.recipients, credits.type, amount, period.name, period.startsAt, period.endsAt ?? ""];
  return [
    id,
    acceptedAt,
    envelope.size,
    charge.tenant,
    JSON.stringify(envelope),
    charge.spoolLimit ?? "",
    ...price,
    pools.length,
    rated,
    limits.length,
    envelope.tenant,
    late ?? "",
    ...pools.flatMap(({ name, amount: whole, expiresAt }) => [name, whole, expiresAt ?? ""]),
    ...limits.flatMap(({ key, perSecond, perDay }: RateLimit) => [key, perSecond ?? "", perDay ?? ""]),
    ...deliveries.flatMap(({ domain, recipients }, index) => {
      const member = memberOf(`${id}/${index}`) ?? "";
      return [member, member.slice(id.length + 1), formatRow(domain, { recipients, attempts: 0 })];
    }),
  ];
}

/** In the order of spending: by expiry, those that never expire last, equal ones by name. */
function topUpsOf({ topUps }: Allowance): readonly TopUp[] {
  return topUps.toSorted((a, b) => endOf(a) - endOf(b) || (a.name < b.name ? -1 : 1));
}

function endOf({ expiresAt }: TopUp): number {
  return expiresAt ?? Number.MAX_VALUE;
}

function settlementOf(settlement: Settlement): readonly Argument[] {
  return settlement.kind === "Done" ? [] : [settlement.dueAt, formatState(settlement)];
}
