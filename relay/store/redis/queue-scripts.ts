import { defineScript } from "./script.ts";

/**
 * Rows in the order of acceptance. Arguments: first and last member as ZRANGE BYLEX takes them, limit. Answers member,
 * envelope, row, when it can be claimed, and dueAt if it is leased or an empty string, of each in one list.
 */
export const listScript = defineScript(
  "list",
  `#!lua flags=no-writes,allow-oom
local prefix, call = KEYS[1], redis.call
local rows = {}
for _, member in ipairs(call('ZRANGEBYLEX', prefix .. 'deliveries', ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local id, index = string.match(member, '^(.*)/(%d+)$')
  local row = call('HMGET', prefix .. 'message:' .. id, 'envelope', index, index .. 'd')
  local next = #rows
  rows[next + 1], rows[next + 2], rows[next + 3] = member, row[1] or '', row[2] or ''
  rows[next + 4], rows[next + 5] = call('ZSCORE', prefix .. 'due', member) or '', row[3] or ''
end
return rows
`,
);

/**
 * Makes due at `now` what is not leased. Arguments: first and last member as ZRANGE BYLEX takes them, limit, now.
 * Answers how many were not leased, and the last member where there may be more, else an empty string.
 */
export const retryScript = defineScript(
  "retry",
  `#!lua flags=allow-oom
local prefix, call = KEYS[1], redis.call
local now, free = tonumber(ARGV[4]), 0
local members = call('ZRANGEBYLEX', prefix .. 'deliveries', ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
for _, member in ipairs(members) do
  local id, index = string.match(member, '^(.*)/(%d+)$')
  local message = prefix .. 'message:' .. id
  local at = tonumber(call('ZSCORE', prefix .. 'due', member))
  local dueAt = tonumber(call('HGET', message, index .. 'd') or nil)
  if not dueAt or at <= now then
    free = free + 1
    if (dueAt or at) > now then
      call('HDEL', message, index .. 'd')
      call('ZADD', prefix .. 'due', now, member)
    end
  end
end
return {free, #members == tonumber(ARGV[3]) and members[#members] or ''}
`,
);
