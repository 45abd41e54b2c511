import type { Clock } from "../../../runtime/clock.ts";
import type { NewMessage } from "../spool.ts";
import { billedPart } from "./accept-script.ts";
import type { Argument, RedisConnection } from "./connection.ts";
import { textOf } from "./reply.ts";
import { defineScript } from "./script.ts";

const dayLength = 86_400_000;

/**
 * Takes back a message of which the client is not told that it was accepted. Arguments: id, acceptedAt, recipients that were
 * rated, and the keys of the limits for a day that counted them. Nothing is taken back that somebody delivers or has
 * delivered: `Kept`. Otherwise message, content, credits and counts of the day are as they were before, and the id is
 * remembered, so that an acceptance that is still on its way finds it done: `Withdrawn`. What it took of a limit by the second
 * stays taken: that comes back by itself in the time that these recipients are worth, and what others took since leans on it.
 */
const withdrawScript = defineScript(
  "withdraw",
  `#!lua flags=allow-oom
local prefix, id, call = KEYS[1], ARGV[1], redis.call
local message, body = prefix .. 'message:' .. id, prefix .. 'body:' .. id
local fields = call('HGETALL', message)
local time = math.max(tonumber(ARGV[2]), tonumber(call('GET', prefix .. 'clock') or 0))
local half = math.floor(time / ${billedPart})
local ids = prefix .. 'billed:' .. string.format('%.0f', half)
for back = 0, 2 do
  if call('SISMEMBER', prefix .. 'billed:' .. string.format('%.0f', half - back), id .. '!') == 1 then
    return 'Withdrawn'
  end
end
if #fields == 0 then
  for back = 0, 2 do
    if call('SISMEMBER', prefix .. 'billed:' .. string.format('%.0f', half - back), id) == 1 then return 'Kept' end
  end
  call('SADD', ids, id, id .. '!')
  call('PEXPIRE', ids, ${4 * billedPart}, 'NX')
  call('UNLINK', body)
  return 'Withdrawn'
end
local row = {}
for at = 1, #fields, 2 do
  if string.find(fields[at], '^%d+t$') then return 'Kept' end
  row[fields[at]] = fields[at + 1]
end
for at = 1, #fields, 2 do
  if string.find(fields[at], '^%d+$') then
    call('ZREM', prefix .. 'due', id .. '/' .. fields[at])
    call('ZREM', prefix .. 'deliveries', id .. '/' .. fields[at])
  end
end
local cost = cjson.decode(row.cost or '{}')
if cost[1] then
  local usage = prefix .. 'usage:' .. cost[1]
  local field = call('HGET', usage, 'period') == cost[2] and 'used' or '-' .. cost[2]
  if call('HEXISTS', usage, field) == 1 then call('HINCRBY', usage, field, 0 - cost[3]) end
  for at = 4, #cost, 2 do call('HINCRBY', usage, cost[at], 0 - cost[at + 1]) end
end
for at = 4, #ARGV do
  local rate = prefix .. 'rate:' .. ARGV[at]
  local taken = call('HMGET', rate, 'day', 'count')
  if tonumber(taken[1] or -1) == math.floor(ARGV[2] / ${dayLength}) then
    call('HSET', rate, 'count', math.max(0, taken[2] - ARGV[3]))
  end
end
if call('HINCRBY', prefix .. 'spooled', row.tenant, 0 - row.size) <= 0 then call('HDEL', prefix .. 'spooled', row.tenant) end
call('UNLINK', message, body)
call('SADD', ids, id .. '!')
call('PEXPIRE', ids, ${4 * billedPart}, 'NX')
return 'Withdrawn'
`,
);

/** How often it is tried to take a message back while Redis is away: each try takes as long as a step may, and this pause in milliseconds. */
const [tries, pause] = [40, 500];
/** Messages that are being taken back at the same time, twice as many as may be on their way; more are left to be delivered. */
const most = 4000;

type Accepted = Pick<NewMessage, "envelope" | "charge">;

/** Takes messages back. */
export interface Withdrawals {
  /** Resolves to whether the message is gone; false when somebody delivers it already. */
  now(of: Accepted): Promise<boolean>;
  /** Goes on in the background until it is known. */
  later(of: Accepted): void;
}

/** What the script wants to know: nothing of the content, for it may be wanted for long. */
function argumentsOf({ envelope, charge }: Accepted): readonly Argument[] {
  const { rates = [], rated = 0 } = charge;
  const perDay = rated === 0 ? [] : rates.filter((rate) => rate.perDay !== undefined).map(({ key }) => key);
  return [envelope.id, envelope.acceptedAt, rated, ...perDay];
}

export function withdrawals(connection: RedisConnection, prefix: string, clock: Pick<Clock, "after">): Withdrawals {
  let running = 0;
  const now = async (args: readonly Argument[]): Promise<boolean> =>
    textOf(await connection.run(withdrawScript, [prefix], args)) === "Withdrawn";
  const insist = async (args: readonly Argument[]): Promise<void> => {
    for (let left = tries; left > 0; left -= 1) {
      const known = await now(args).then(
        () => true,
        () => false,
      );
      if (known) return;
      await new Promise<void>((resolve) => void clock.after(pause, resolve));
    }
  };
  return {
    now: (of) => now(argumentsOf(of)),
    later(of) {
      if (running >= most) return;
      running += 1;
      void insist(argumentsOf(of)).finally(() => (running -= 1));
    },
  };
}
