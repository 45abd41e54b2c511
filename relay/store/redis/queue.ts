import type { Clock } from "../../../runtime/clock.ts";
import type { Queue, QueueRow } from "../queue.ts";
import type { RedisConnection } from "./connection.ts";
import { type Keys, memberOf } from "./keys.ts";
import { listScript, retryScript } from "./queue-scripts.ts";
import { listOf, numberOf, textOf } from "./reply.ts";
import { readQueueRow } from "./rows.ts";

/** Rows that one script goes through at most: Redis serves nobody else meanwhile. */
const stride = 500;

/** The queue on Redis. `clock` tells which leases run. */
export function redisQueue(connection: RedisConnection, keys: Keys, clock: Pick<Clock, "now">): Queue {
  return {
    async list(limit, messageId, after) {
      const rows: QueueRow[] = [];
      const { from: first, to } = span(messageId);
      const behind = after === undefined ? undefined : memberOf(after);
      let from = behind === undefined ? first : `(${behind}`;
      while (rows.length < limit) {
        const most = Math.min(stride, limit - rows.length);
        const reply = listOf(await connection.run(listScript, [keys.prefix], [from, to, most]));
        const now = clock.now();
        for (let at = 0; at < reply.length; at += 5) rows.push(readQueueRow(reply.slice(at, at + 5), now));
        if (reply.length < 5 * most) break;
        from = `(${textOf(reply.at(-5))}`;
      }
      return rows;
    },
    async retry(now, messageId) {
      let retried = 0;
      let { from, to } = span(messageId);
      for (;;) {
        const reply = listOf(await connection.run(retryScript, [keys.prefix], [from, to, stride, now]));
        retried += numberOf(reply[0]);
        const last = textOf(reply[1]);
        if (last === "") return retried;
        from = `(${last}`;
      }
    },
  };
}

/** The members of a message, or all, as ZRANGE BYLEX takes them; `0` comes after `/`. */
function span(messageId: string | undefined): { readonly from: string; readonly to: string } {
  return messageId === undefined ? { from: "-", to: "+" } : { from: `[${messageId}/`, to: `(${messageId}0` };
}
