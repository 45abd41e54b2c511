import { defineScript } from "./script.ts";

/**
 * Holds the octets that are counted in the spool of each tenant against those that are there, in one step. Arguments: the most
 * deliveries that it may look at, and `repair` to make the counters right. Answers tenant, octets told, and octets there of
 * each that is wrong, in one list; null where there are more deliveries.
 */
export const countSpooledScript = defineScript(
  "countSpooled",
  `#!lua flags=allow-oom
local prefix, call = KEYS[1], redis.call
if call('ZCARD', prefix .. 'deliveries') > tonumber(ARGV[1]) then return false end
local there, last, from, members = {}, nil, '-', nil
repeat
  members = call('ZRANGEBYLEX', prefix .. 'deliveries', from, '+', 'LIMIT', 0, 1000)
  for _, member in ipairs(members) do
    local id = string.match(member, '^(.*)/%d+$')
    if id ~= last then
      last = id
      local row = call('HMGET', prefix .. 'message:' .. id, 'tenant', 'size')
      if row[1] then there[row[1]] = (there[row[1]] or 0) + row[2] end
    end
  end
  from = '(' .. (members[#members] or '')
until #members < 1000
local told, wrong = call('HGETALL', prefix .. 'spooled'), {}
for at = 1, #told, 2 do
  local octets = there[told[at]] or 0
  there[told[at]] = nil
  if tonumber(told[at + 1]) ~= octets then wrong[#wrong + 1] = {told[at], told[at + 1], octets} end
end
for tenant, octets in pairs(there) do wrong[#wrong + 1] = {tenant, '0', octets} end
local rows = {}
for _, row in ipairs(wrong) do
  local octets = string.format('%.0f', row[3])
  rows[#rows + 1], rows[#rows + 2], rows[#rows + 3] = row[1], row[2], octets
  if ARGV[2] == 'repair' then
    if row[3] > 0 then call('HSET', prefix .. 'spooled', row[1], octets)
    else call('HDEL', prefix .. 'spooled', row[1]) end
  end
end
return rows
`,
);

/**
 * Holds the octets that are counted in an environment's captures against those that are there, in one step. Arguments:
 * environment, and `repair` to make the counter right. Answers how many are counted, or null where nobody counted, and how
 * many there are.
 */
export const countCapturesScript = defineScript(
  "countCaptures",
  `#!lua flags=allow-oom
local prefix, call, octets = KEYS[1], redis.call, 0
local ids = call('ZRANGE', prefix .. 'captures:' .. ARGV[1], 0, -1)
for _, id in ipairs(ids) do octets = octets + call('STRLEN', prefix .. 'captured:' .. id) end
local told = call('HGET', prefix .. 'capture-octets', ARGV[1])
if ARGV[2] == 'repair' and told and tonumber(told) ~= octets then
  if #ids > 0 then call('HSET', prefix .. 'capture-octets', ARGV[1], octets)
  else call('HDEL', prefix .. 'capture-octets', ARGV[1]) end
end
return {told, octets}
`,
);
