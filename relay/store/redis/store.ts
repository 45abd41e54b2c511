import type { Clock } from "../../../runtime/clock.ts";
import { type Store, StoreUnavailable } from "../store.ts";
import { redisCaptures } from "./captures.ts";
import type { RedisConnection } from "./connection.ts";
import { formatVersion, keysUnder } from "./keys.ts";
import { redisLedger } from "./ledger.ts";
import { redisQueue } from "./queue.ts";
import { textOf } from "./reply.ts";
import { redisSpool } from "./spool.ts";
import { highestTime } from "./time.ts";
import { redisTransfer } from "./transfer.ts";

export interface RedisStore {
  /** Closed with the store. */
  readonly connection: RedisConnection;
  /** What every key begins with, such as `posthouse:`. */
  readonly prefix: string;
  readonly clock: Pick<Clock, "now" | "after">;
}

/**
 * The store on a Redis; any number of processes may share it. Rejects with StoreUnavailable when it cannot be reached,
 * or holds a format that this version does not know.
 */
export async function redisStore({ connection, prefix, clock }: RedisStore): Promise<Store> {
  const keys = keysUnder(prefix);
  const [, format] = await connection.pipeline([
    { command: "SET", args: [keys.format, formatVersion, "NX"] },
    { command: "GET", args: [keys.format] },
  ]);
  if (textOf(format) !== formatVersion)
    throw new StoreUnavailable(
      `the store under ${prefix} has format ${textOf(format)}, this version of Posthouse reads format ${formatVersion}: use the version that wrote it, or another prefix`,
    );
  const highest = highestTime();
  return {
    spool: redisSpool({ connection, keys, highest, clock }),
    queue: redisQueue(connection, keys, clock),
    ledger: redisLedger(connection, keys, highest),
    captures: redisCaptures(connection, keys),
    transfer: redisTransfer(connection, keys),
    ready: () => connection.ready(),
    close: () => connection.close(),
  };
}
