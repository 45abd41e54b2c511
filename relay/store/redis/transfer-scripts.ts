import { defineScript } from "./script.ts";

/**
 * Takes a message in whose content was sent ahead. Arguments: id, size, tenant, envelope; then for each delivery its member,
 * the field that it ends with, its row, and when it is due. Answers 1; 0 when the content is not there.
 */
export const takeMessageScript = defineScript(
  "takeMessage",
  `#!lua
local prefix, call, id = KEYS[1], redis.call, ARGV[1]
local message, body = prefix .. 'message:' .. id, prefix .. 'body:' .. id
if call('EXISTS', message) == 1 then return 1 end
if call('PERSIST', body) == 0 then return 0 end
call('HSET', message, 'envelope', ARGV[4], 'left', (#ARGV - 4) / 4, 'tenant', ARGV[3], 'size', ARGV[2])
for at = 5, #ARGV, 4 do
  call('HSET', message, ARGV[at + 1], ARGV[at + 2])
  call('ZADD', prefix .. 'due', ARGV[at + 3], ARGV[at])
  call('ZADD', prefix .. 'deliveries', 0, ARGV[at])
end
call('HINCRBY', prefix .. 'spooled', ARGV[3], ARGV[2])
return 1
`,
);

/** Moves the store's clock to the one argument, if that is later. */
export const advanceScript = defineScript(
  "advance",
  `#!lua
local key, time = KEYS[1] .. 'clock', tonumber(ARGV[1])
if tonumber(redis.call('GET', key) or 0) < time then redis.call('SET', key, ARGV[1]) end
return 1
`,
);

/**
 * Sets the mark of a move. Arguments: the mark of a store that no relay may run on, or an empty string; any other, or an
 * empty string.
 */
export const markScript = defineScript(
  "mark",
  `#!lua flags=allow-oom
for at, name in ipairs({'closed', 'arrived'}) do
  if ARGV[at] == '' then redis.call('DEL', KEYS[1] .. name) else redis.call('SET', KEYS[1] .. name, ARGV[at]) end
end
return 1
`,
);
