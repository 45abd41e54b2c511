import type { Script } from "./script.ts";

/** What goes to Redis: text as UTF-8, numbers in decimal, bytes as they are. */
export type Argument = string | number | Uint8Array;

/** What comes back: strings as bytes, integers as numbers. */
export type Reply = Buffer | number | null | readonly Reply[];

/** One call of a batch. */
export type Call =
  | { readonly command: string; readonly args: readonly Argument[] }
  | { readonly script: Script; readonly keys: readonly string[]; readonly args: readonly Argument[] };

/**
 * A way to one Redis. Everything rejects with StoreFull when Redis refuses to write for want of memory or disk, and with
 * StoreUnavailable when it cannot be reached, does not answer in time, or the connection was closed; a step that was sent
 * may have been taken all the same, so every step must bear to be taken twice. An error of a script itself rejects as it is.
 */
export interface RedisConnection {
  /** Runs a script by its SHA-1; loads it first where Redis does not know it. */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply>;
  command(name: string, ...args: readonly Argument[]): Promise<Reply>;
  /**
   * Sends all calls in one round trip and resolves with their replies in order; rejects with the first error.
   * When Redis does not know a script, it is loaded and the whole batch is sent again.
   */
  pipeline(calls: readonly Call[]): Promise<readonly Reply[]>;
  /**
   * As {@link pipeline}, for what a client is told to be kept: resolves only once it is as safe as the store promises, on
   * replicas too. Rejects with StoreUnavailable, and sends nothing, while Redis is not as durable as it must be; with
   * ReplicasLate when too few replicas had it in time: then it stands on the primary all the same.
   */
  commit(calls: readonly Call[]): Promise<readonly Reply[]>;
  /**
   * The time on the server's own clock from which nobody waits any more for a commit of so many octets that begins now, in
   * milliseconds since the epoch; undefined while that clock is not known.
   */
  lateAt?(octets: number): number | undefined;
  /** More of the memory is used than messages may take: no new ones are accepted. Asked before each; costs nothing. */
  full(): boolean;
  /** Whether a message could be accepted now. For readiness; never rejects. */
  ready(): Promise<boolean>;
  /** Waits for what was begun, then lets go. */
  close(): Promise<void>;
}
