import { defineScript } from "./script.ts";

/** How long an id is remembered after it was billed, in three parts: the current one, begun a while ago, and two before it. */
export const billedPart = 1_800_000;
const dayLength = 86_400_000;
/** As in `take` of contract/rates.ts, which the script repeats. */
const [tolerance, largestMessage, skew] = [0.5, 1000, 60_000];

/**
 * Bills and spools a message whose content was sent ahead. Everything is decided before the first write, because Redis
 * takes nothing back. It has no `allow-oom`: where the memory is full nothing is accepted.
 *
 * Arguments: id, acceptedAt, size, tenant that pays, envelope, spool limit, recipients to bill, type of the credits, amount,
 * name, start and end of the period, number of top-ups, recipients to rate, number of rates, tenant that spools, and the
 * time of Redis after which nobody waits for the answer any more; for each top-up, in the order of spending, name, amount and expiry; for each rate its key, perSecond and perDay; then for each delivery its
 * member, the field that it ends with, and its row. An absent number is empty.
 *
 * Answers `Accepted`, `AcceptedLow`, `AcceptedLast`, `Exhausted`, `Full`, `Late`, `NoBody`; or `RateLimited` with the key of
 * the limit and a time; or `Period` with the time, when the store's clock does not lie in the period that was told.
 */
export const acceptScript = defineScript(
  "accept",
  `#!lua
local prefix, call = KEYS[1], redis.call
if call('EXISTS', prefix .. 'closed') == 1 then return redis.error_reply('CLOSED') end
local id, acceptedAt, size, tenant = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[16]
local body, message = prefix .. 'body:' .. id, prefix .. 'message:' .. id
local time = math.max(acceptedAt, tonumber(call('GET', prefix .. 'clock') or 0))

-- Replicas are waited for up to the last write of a connection: one that asks again on a new one needs a write too.
local function again()
  call('SET', prefix .. 'clock', call('GET', prefix .. 'clock') or time)
  return 'Accepted'
end

local half = math.floor(time / ${billedPart})
local billed = prefix .. 'billed:'
for back = 0, 2 do
  if call('SISMEMBER', billed .. string.format('%.0f', half - back), id) == 1 then
    if call('EXISTS', message) == 0 then call('UNLINK', body) end
    return again()
  end
end

local recipients, kind, amount, period = tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9]), ARGV[10]
local ends, rated = tonumber(ARGV[12]), tonumber(ARGV[14])
if time < tonumber(ARGV[11]) or (ends and time >= ends) then return {'Period', time} end

local pools, rates = tonumber(ARGV[13]), tonumber(ARGV[15])
local firstRate = 18 + pools * 3
local first = firstRate + rates * 3

local function refuse(answer)
  if call('EXISTS', message) == 1 then return again() end
  if time == acceptedAt then call('SET', prefix .. 'clock', time) end
  call('UNLINK', body)
  return answer
end

local late = tonumber(ARGV[17])
if late then
  local now = call('TIME')
  if now[1] * 1000 + now[2] / 1000 > late then return refuse('Late') end
end

local limit = tonumber(ARGV[6])
if limit and tonumber(call('HGET', prefix .. 'spooled', tenant) or 0) + size > limit then return refuse('Full') end

local today = math.floor(acceptedAt / ${dayLength})
local taken, heldBy, heldUntil = {}, nil, acceptedAt
for at = firstRate, first - 1, 3 do
  local perSecond, perDay = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local row = call('HMGET', prefix .. 'rate:' .. ARGV[at], 'tat', 'day', 'count')
  local day, count = tonumber(row[2] or 0), tonumber(row[3] or 0)
  if day < today then
    day, count = today, 0
  elseif day * ${dayLength} - acceptedAt > ${skew} then
    day = today
  end
  local opens, tat = acceptedAt, acceptedAt
  if perDay and count > 0 and count + rated > perDay then opens = (day + 1) * ${dayLength} end
  if perSecond then
    local last = tonumber(row[1] or 0)
    if last <= acceptedAt + (1000 + ${largestMessage} * 1000 / perSecond) + ${skew} then tat = math.max(last, acceptedAt) end
    opens = math.max(opens, math.ceil(tat + math.min(rated, perSecond) * 1000 / perSecond - 1000 - ${tolerance}))
    tat = tat + rated * 1000 / perSecond
  end
  if opens > heldUntil then heldBy, heldUntil = ARGV[at], opens end
  taken[#taken + 1] = {ARGV[at], tat, day, count + rated}
end
if heldBy then return refuse({'RateLimited', heldBy, heldUntil}) end

local result, spent, over, cost = 'Accepted', nil, {}, {}
-- As in \`charge\` of contract/credits.ts: the kind of a period by its name.
local function kindOf(name) return (string.gsub(name, '%d', '0')) end
if recipients > 0 then
  local fields = {'period', 'used'}
  for at = 18, firstRate - 1, 3 do fields[#fields + 1] = '+' .. ARGV[at] end
  local row = call('HMGET', prefix .. 'usage:' .. ARGV[4], unpack(fields))
  local used = 0
  if row[1] == period then
    used = tonumber(row[2])
  elseif row[1] then
    for _, field in ipairs(call('HKEYS', prefix .. 'usage:' .. ARGV[4])) do
      if kindOf(field) == kindOf('-' .. period) then over[#over + 1] = field end
    end
    used = tonumber(call('HGET', prefix .. 'usage:' .. ARGV[4], '-' .. period) or 0)
  end
  spent = {'period', period, 'used', used + recipients}
  cost = {ARGV[4], period, recipients}
  if kind ~= 'Unlimited' then
    local base = math.max(0, amount - used)
    local rest = recipients - math.min(recipients, base)
    local all, left = amount, base
    spent[4] = used + recipients - rest
    cost[3] = recipients - rest
    for at = 18, firstRate - 1, 3 do
      local expires = tonumber(ARGV[at + 2])
      if not expires or expires > time then
        local whole, gone = tonumber(ARGV[at + 1]), tonumber(row[2 + (at - 15) / 3] or 0)
        local pool = math.max(0, whole - gone)
        local taken = math.min(rest, pool)
        if taken > 0 then
          spent[#spent + 1] = '+' .. ARGV[at]
          spent[#spent + 1] = gone + taken
          cost[#cost + 1] = '+' .. ARGV[at]
          cost[#cost + 1] = taken
        end
        rest, all, left = rest - taken, all + whole, left + pool
      end
    end
    if rest > 0 then return refuse('Exhausted') end
    local low = (all - left) * 10 >= all * 9
    left = left - recipients
    if left == 0 then result = 'AcceptedLast'
    elseif not low and (all - left) * 10 >= all * 9 then result = 'AcceptedLow' end
  end
  if row[1] and kindOf(row[1]) ~= kindOf(period) then
    spent[#spent + 1], spent[#spent + 2] = '-' .. row[1], row[2]
  end
end

if call('PERSIST', body) == 0 then
  return call('EXISTS', message) == 1 and again() or 'NoBody'
end
if time == acceptedAt then call('SET', prefix .. 'clock', time) end
for _, one in ipairs(taken) do
  local key = prefix .. 'rate:' .. one[1]
  call('HSET', key, 'tat', one[2], 'day', one[3], 'count', one[4])
  call('PEXPIRE', key, math.ceil(math.max(one[2], (one[3] + 1) * ${dayLength}) + ${skew} - acceptedAt))
end
if #over > 0 then call('HDEL', prefix .. 'usage:' .. ARGV[4], unpack(over)) end
if spent then call('HSET', prefix .. 'usage:' .. ARGV[4], unpack(spent)) end
local ids = billed .. string.format('%.0f', half)
call('SADD', ids, id)
if call('PEXPIRE', ids, ${4 * billedPart}, 'NX') == 1 then
  -- What is asked no more goes beside the work of Redis; by its expiry it goes at once, unless that is set otherwise.
  call('UNLINK', billed .. string.format('%.0f', half - 3))
end
call('HSET', message, 'envelope', ARGV[5], 'left', (#ARGV - first + 1) / 3, 'tenant', tenant, 'size', ARGV[3], 'cost', cjson.encode(cost))
for at = first, #ARGV, 3 do
  call('HSET', message, ARGV[at + 1], ARGV[at + 2])
  call('ZADD', prefix .. 'due', ARGV[2], ARGV[at])
  call('ZADD', prefix .. 'deliveries', 0, ARGV[at])
end
call('HINCRBY', prefix .. 'spooled', tenant, ARGV[3])
return result
`,
);
