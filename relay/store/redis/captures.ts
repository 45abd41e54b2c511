import type { Capture, Captures } from "../captures.ts";
import { StoreUnavailable } from "../store.ts";
import { keepScript, listCapturesScript, pruneScript } from "./capture-scripts.ts";
import type { RedisConnection } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { bytesOf, listOf, numberOf, textOf } from "./reply.ts";

/** How long a content that was sent ahead waits for its capture. */
const ahead = 600_000;
/** Captures that one script removes at most. */
const stride = 200;

/** The captures on Redis. */
export function redisCaptures(connection: RedisConnection, keys: Keys): Captures {
  const prefix = [keys.prefix];
  return {
    async keep(capture, content, maxOctets) {
      const { id } = capture.envelope;
      const args = [id, nameOf(capture.envelope), capture.capturedAt, JSON.stringify(capture), maxOctets];
      const body = { command: "SET", args: [keys.captured(id), content, "PX", ahead, "NX"] };
      const [, kept] = await connection.commit([body, { script: keepScript, keys: prefix, args }]);
      if (kept !== 1) throw new StoreUnavailable("a captured content went before it could be kept");
    },
    async list(limit, of) {
      const args = of === undefined ? [limit] : [limit, nameOf(of)];
      const rows = listOf(await connection.run(listCapturesScript, prefix, args));
      return rows.map((row): Capture => JSON.parse(textOf(row)));
    },
    async content(id) {
      return bytesOf(await connection.command("GET", keys.captured(id)));
    },
    async prune(now, { retention, maxMessages, maxOctets }) {
      let removed = 0;
      for (const environment of listOf(await connection.command("SMEMBERS", keys.environments))) {
        const args = [textOf(environment), now - retention, maxMessages, stride, maxOctets];
        for (let gone = stride; gone === stride; removed += gone)
          gone = numberOf(await connection.run(pruneScript, prefix, args));
      }
      return removed;
    },
  };
}

function nameOf({ tenant, environment }: { readonly tenant: string; readonly environment: string }): string {
  return `${tenant}/${environment}`;
}
