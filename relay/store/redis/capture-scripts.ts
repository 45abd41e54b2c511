import { defineScript } from "./script.ts";

/** The environment is the second argument of one script, the first of the other. Stores that older versions filled were not counted. */
const octetsOf = `
local function octetsOf(environment, set)
  local told = call('HGET', prefix .. 'capture-octets', environment)
  if told then return tonumber(told) end
  local octets = 0
  for _, id in ipairs(call('ZRANGE', set, 0, -1)) do octets = octets + call('STRLEN', prefix .. 'captured:' .. id) end
  return octets
end
local function drop(set, id)
  local octets = call('STRLEN', prefix .. 'captured:' .. id)
  call('UNLINK', prefix .. 'capture:' .. id, prefix .. 'captured:' .. id)
  call('ZREM', prefix .. 'captures', id)
  call('ZREM', set, id)
  return octets
end
`;

/**
 * Keeps a capture whose content was sent ahead. Arguments: id, environment, capturedAt, row, and the octets over which the
 * oldest others go, or an empty string. Answers 1, or 0 when the content is not there. The same id again changes nothing.
 */
export const keepScript = defineScript(
  "keep",
  `#!lua
local prefix, call, id = KEYS[1], redis.call, ARGV[1]
${octetsOf}
local kept = call('GET', prefix .. 'capture:' .. id)
if kept then
  -- Whoever asks again on a new connection needs a write of it, for replicas are waited for up to the last one.
  call('SET', prefix .. 'capture:' .. id, kept)
  return 1
end
if call('PERSIST', prefix .. 'captured:' .. id) == 0 then return 0 end
local set, most = prefix .. 'captures:' .. ARGV[2], tonumber(ARGV[5])
local octets = octetsOf(ARGV[2], set) + call('STRLEN', prefix .. 'captured:' .. id)
while most and octets > most do
  local oldest = call('ZRANGE', set, 0, 0)[1]
  if not oldest then break end
  octets = octets - drop(set, oldest)
end
call('SET', prefix .. 'capture:' .. id, ARGV[4])
call('ZADD', prefix .. 'captures', 0, id)
call('ZADD', set, ARGV[3], id)
call('SADD', prefix .. 'environments', ARGV[2])
call('HSET', prefix .. 'capture-octets', ARGV[2], octets)
return 1
`,
);

/**
 * Captures, newest first. Arguments: limit; and the environment, or none for all. Ids sort by time of acceptance, and
 * captures are made at once: good enough for a list over all environments. Answers their rows.
 */
export const listCapturesScript = defineScript(
  "listCaptures",
  `#!lua flags=no-writes,allow-oom
local prefix, call = KEYS[1], redis.call
local set = ARGV[2] and prefix .. 'captures:' .. ARGV[2] or prefix .. 'captures'
local rows = {}
for _, id in ipairs(call('ZREVRANGE', set, 0, ARGV[1] - 1)) do
  local row = call('GET', prefix .. 'capture:' .. id)
  if row then rows[#rows + 1] = row end
end
return rows
`,
);

/**
 * Removes captures of an environment that are older than a time, or over a maximum. Arguments: environment, the last time
 * that is too old, the most messages, how many to remove at most, and the most octets. Answers how many went.
 */
export const pruneScript = defineScript(
  "prune",
  `#!lua flags=allow-oom
local prefix, call = KEYS[1], redis.call
${octetsOf}
local set, most, mostOctets = prefix .. 'captures:' .. ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5])
local all, octets, gone = call('ZCARD', set), octetsOf(ARGV[1], set), 0
local surplus = math.max(call('ZCOUNT', set, '-inf', ARGV[2]), all - tonumber(ARGV[3]))
while gone < math.min(most, all) and (gone < surplus or (octets > mostOctets and gone < all - 1)) do
  octets = octets - drop(set, call('ZRANGE', set, 0, 0)[1])
  gone = gone + 1
end
if gone < all then
  call('HSET', prefix .. 'capture-octets', ARGV[1], octets)
else
  call('SREM', prefix .. 'environments', ARGV[1])
  call('HDEL', prefix .. 'capture-octets', ARGV[1])
end
return gone
`,
);
