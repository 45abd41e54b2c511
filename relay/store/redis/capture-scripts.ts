import { defineScript } from "./script.ts";

/**
 * Keeps a capture whose content was sent ahead. Arguments: id, environment, capturedAt, row. Answers 1, or 0 when the
 * content is not there. The same id again changes nothing.
 */
export const keepScript = defineScript(
  "keep",
  `#!lua
local prefix, call, id = KEYS[1], redis.call, ARGV[1]
local kept = call('GET', prefix .. 'capture:' .. id)
if kept then
  -- Whoever asks again on a new connection needs a write of it, for replicas are waited for up to the last one.
  call('SET', prefix .. 'capture:' .. id, kept)
  return 1
end
if call('PERSIST', prefix .. 'captured:' .. id) == 0 then return 0 end
call('SET', prefix .. 'capture:' .. id, ARGV[4])
call('ZADD', prefix .. 'captures', 0, id)
call('ZADD', prefix .. 'captures:' .. ARGV[2], ARGV[3], id)
call('SADD', prefix .. 'environments', ARGV[2])
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
 * Removes captures of an environment that are older than a time, or more than the maximum. Arguments: environment, the
 * last time that is too old, maximum, and how many to remove at most. Answers how many went.
 */
export const pruneScript = defineScript(
  "prune",
  `#!lua flags=allow-oom
local prefix, call = KEYS[1], redis.call
local set, most = prefix .. 'captures:' .. ARGV[1], tonumber(ARGV[4])
local surplus = math.max(call('ZCOUNT', set, '-inf', ARGV[2]), call('ZCARD', set) - tonumber(ARGV[3]))
local going = {}
if surplus > 0 then going = call('ZRANGE', set, 0, math.min(surplus, most) - 1) end
for _, id in ipairs(going) do
  call('UNLINK', prefix .. 'capture:' .. id, prefix .. 'captured:' .. id)
  call('ZREM', prefix .. 'captures', id)
  call('ZREM', set, id)
end
if call('EXISTS', set) == 0 then call('SREM', prefix .. 'environments', ARGV[1]) end
return #going
`,
);
