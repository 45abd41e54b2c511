import { defineScript, type Script } from "./script.ts";

/**
 * Tells rows in the order of acceptance. Arguments: first and last member as ZRANGE BYLEX takes them, limit. Answers in one
 * list of each its member, the `fields` of its message, its row, when it can be claimed, and dueAt if it is leased or an
 * empty string; an empty string too for what is not there.
 */
function rowsScript(name: string, fields: readonly string[]): Script {
  const asked = [...fields.map((field) => `'${field}'`), "index", "index .. 'd'"];
  return defineScript(
    name,
    `#!lua flags=no-writes,allow-oom
local prefix, call = KEYS[1], redis.call
local rows = {}
for _, member in ipairs(call('ZRANGEBYLEX', prefix .. 'deliveries', ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local id, index = string.match(member, '^(.*)/(%d+)$')
  local row = call('HMGET', prefix .. 'message:' .. id, ${asked.join(", ")})
  rows[#rows + 1] = member
  for at = 1, ${asked.length - 1} do rows[#rows + 1] = row[at] or '' end
  rows[#rows + 1] = call('ZSCORE', prefix .. 'due', member) or ''
  rows[#rows + 1] = row[${asked.length}] or ''
end
return rows
`,
  );
}

/** {@link rowsScript} for people: member, envelope, row, when it can be claimed, dueAt. */
export const listScript = rowsScript("list", ["envelope"]);

/** {@link rowsScript} for whoever reads each envelope once: member, row, when it can be claimed, dueAt. */
export const deliveriesScript = rowsScript("deliveries", []);

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
