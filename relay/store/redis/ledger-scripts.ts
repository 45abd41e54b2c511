import { defineScript } from "./script.ts";

/**
 * Reads the store's clock, and moves it on when `now`, the one argument, lies in a later second. Answers the higher of
 * the two. A read must not cost a flush each.
 */
export const timeScript = defineScript(
  "time",
  `#!lua flags=allow-oom
local kept, now = tonumber(redis.call('GET', KEYS[1] .. 'clock') or 0), tonumber(ARGV[1])
if math.floor(now / 1000) > math.floor(kept / 1000) then redis.call('SET', KEYS[1] .. 'clock', now) end
return math.max(kept, now)
`,
);

/** Notes the use of an API key. Arguments: tenant, id of the key, step, and the step before which keys are forgotten. */
export const noteKeyUseScript = defineScript(
  "noteKeyUse",
  `#!lua flags=allow-oom
local key, call = KEYS[1] .. 'key-uses:' .. ARGV[1], redis.call
local step, forgotten = tonumber(ARGV[3]), tonumber(ARGV[4])
if tonumber(call('HGET', key, ARGV[2]) or 0) >= step then return 0 end
local uses = call('HGETALL', key)
for at = 1, #uses, 2 do
  if tonumber(uses[at + 1]) < forgotten then call('HDEL', key, uses[at]) end
end
call('HSET', key, ARGV[2], step)
return 1
`,
);
