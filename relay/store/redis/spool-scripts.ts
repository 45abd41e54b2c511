import { defineScript } from "./script.ts";

/**
 * Leases what is due. Arguments: now, limit, end of the lease. Answers member, token, envelope and row of each, in one
 * list. An entry without a message, which somebody must have removed by hand, goes: it would stand in the way for ever.
 */
export const claimScript = defineScript(
  "claim",
  `#!lua flags=allow-oom
local prefix, call = KEYS[1], redis.call
if call('EXISTS', prefix .. 'closed') == 1 then return redis.error_reply('CLOSED') end
local due = call('ZRANGEBYSCORE', prefix .. 'due', '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local claimed = {}
for at = 1, #due, 2 do
  local member = due[at]
  local id, index = string.match(member, '^(.*)/(%d+)$')
  local message = prefix .. 'message:' .. id
  local row = call('HMGET', message, 'envelope', index, index .. 't', index .. 'd')
  if row[1] and row[2] then
    local token = tonumber(row[3] or 0) + 1
    call('HSET', message, index .. 't', token, index .. 'd', row[4] or due[at + 1])
    call('ZADD', prefix .. 'due', ARGV[3], member)
    local next = #claimed
    claimed[next + 1], claimed[next + 2], claimed[next + 3], claimed[next + 4] = member, token, row[1], row[2]
  else
    call('ZREM', prefix .. 'due', member)
    call('ZREM', prefix .. 'deliveries', member)
  end
end
return claimed
`,
);

/** Extends a lease. Arguments: member, token, end of the lease. Answers 1, or 0 when somebody else has it or nobody. */
export const renewScript = defineScript(
  "renew",
  `#!lua flags=allow-oom
local prefix, call = KEYS[1], redis.call
local id, index = string.match(ARGV[1], '^(.*)/(%d+)$')
local row = call('HMGET', prefix .. 'message:' .. id, index .. 't', index .. 'd')
if row[1] ~= ARGV[2] or not row[2] then return 0 end
call('ZADD', prefix .. 'due', ARGV[3], ARGV[1])
return 1
`,
);

/** Seconds after which another part begins, of the tokens that have settled. */
const settledPart = 300;
/** For so many milliseconds a part is remembered where nothing is settled any more. */
const settledFor = 86_400_000;

/**
 * Writes what an attempt left. Arguments: member and token; then, when it is tried again, dueAt and the row without
 * its domain. Answers 1, or 0 when somebody else has claimed it; 1 again for the token that settled it. Tokens that have
 * settled are remembered in two parts, the current one and the one before it. Another begins with the first that settles after its
 * time, not by the time alone: a Redis that was away forgets nothing meanwhile.
 */
export const settleScript = defineScript(
  "settle",
  `#!lua flags=allow-oom
local prefix, call = KEYS[1], redis.call
local member = ARGV[1]
local id, index = string.match(member, '^(.*)/(%d+)$')
local message = prefix .. 'message:' .. id
local row = call('HMGET', message, index, index .. 't', index .. 'd')
local parts, mark = call('HMGET', prefix .. 'settled', 'now', 'before'), member .. ' ' .. ARGV[2]
local settled = prefix .. 'settled:'
if not row[1] or row[2] ~= ARGV[2] or not row[3] then
  local known = 0
  for at = 1, 2 do
    if parts[at] and call('SISMEMBER', settled .. parts[at], mark) == 1 then known = 1 end
  end
  return known
end
local part, now = math.floor(call('TIME')[1] / ${settledPart}), tonumber(parts[1] or -9)
if part > now or part < now - 1 then
  if parts[2] then call('UNLINK', settled .. parts[2]) end
  call('HSET', prefix .. 'settled', 'now', part, 'before', parts[1] or part - 1)
  call('SADD', settled .. part, mark)
  call('PEXPIRE', settled .. part, ${settledFor})
else
  call('SADD', settled .. parts[1], mark)
end
if ARGV[3] then
  call('HSET', message, index, string.match(row[1], '^[^\\n]*\\n') .. ARGV[4])
  call('HDEL', message, index .. 'd')
  call('ZADD', prefix .. 'due', ARGV[3], member)
  return 1
end
call('ZREM', prefix .. 'due', member)
call('ZREM', prefix .. 'deliveries', member)
if call('HINCRBY', message, 'left', -1) > 0 then
  call('HDEL', message, index, index .. 't', index .. 'd')
  return 1
end
local of = call('HMGET', message, 'tenant', 'size')
if call('HINCRBY', prefix .. 'spooled', of[1], 0 - of[2]) <= 0 then call('HDEL', prefix .. 'spooled', of[1]) end
call('UNLINK', message, prefix .. 'body:' .. id)
return 1
`,
);
