import { createHash } from "node:crypto";

/** A Lua script that Redis runs as one step: nothing else happens meanwhile, and all of its writes reach the disk together. */
export interface Script {
  /** For errors and metrics. */
  readonly name: string;
  /** The source. It begins with a line of flags: `#!lua flags=allow-oom` runs when the memory is full too. */
  readonly lua: string;
  /** SHA-1 of the source in hexadecimal: what EVALSHA calls it by. */
  readonly sha1: string;
}

export function defineScript(name: string, lua: string): Script {
  return { name, lua, sha1: createHash("sha1").update(lua).digest("hex") };
}
