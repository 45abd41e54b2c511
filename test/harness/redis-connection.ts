import { Redis } from "ioredis";
import type { Argument, Call, RedisConnection, Reply } from "../../relay/store/redis/connection.ts";
import { StoreUnavailable } from "../../relay/store/store.ts";

/** The plainest connection that the adapters work on: one client, no durability, no deadlines. Counts its round trips. */
export interface PlainConnection extends RedisConnection {
  readonly roundTrips: () => number;
  /** Answers what {@link RedisConnection.full} is asked. */
  readonly setFull: (full: boolean) => void;
}

export function plainConnection(port: number): PlainConnection {
  const client = new Redis({ port, host: "127.0.0.1" });
  const pending = new Set<Promise<unknown>>();
  let [open, full, trips] = [true, false, 0];

  async function pipeline(calls: readonly Call[]): Promise<readonly Reply[]> {
    if (!open) throw new StoreUnavailable("the store is closed");
    const batch = client.pipeline();
    for (const [name, args] of calls.map(toCommand)) batch.callBuffer(name, ...args);
    trips += 1;
    const sent = batch.exec();
    pending.add(sent);
    const replies = await sent.finally(() => pending.delete(sent));
    const failed = (replies ?? []).map(([error]) => error).find((error) => error !== null);
    if (!failed) return (replies ?? []).map(([, reply]) => reply as Reply);
    if (!failed.message.startsWith("NOSCRIPT")) throw failed;
    for (const call of calls) if ("script" in call) await client.script("LOAD", call.script.lua);
    return pipeline(calls);
  }
  const one = async (call: Call): Promise<Reply> => (await pipeline([call]))[0] ?? null;
  return {
    run: (script, keys, args) => one({ script, keys, args }),
    command: (command, ...args) => one({ command, args }),
    pipeline,
    commit: pipeline,
    full: () => full,
    setFull: (value) => (full = value),
    ready: () => Promise.resolve(open),
    roundTrips: () => trips,
    async close() {
      open = false;
      await Promise.allSettled(pending);
      client.disconnect();
    },
  };
}

function toCommand(call: Call): [name: string, args: (string | Buffer)[]] {
  if ("command" in call) return [call.command, call.args.map(raw)];
  return ["EVALSHA", [call.script.sha1, String(call.keys.length), ...call.keys, ...call.args.map(raw)]];
}

function raw(argument: Argument): string | Buffer {
  if (typeof argument === "string" || typeof argument === "number") return String(argument);
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}
