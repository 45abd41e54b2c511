import { randomBytes } from "node:crypto";
import type { Clock } from "../../runtime/clock.ts";

/** Crockford's base 32 in lower case: sorts as its numbers do, and has no letters that look like others. */
const digits = "0123456789abcdefghjkmnpqrstvwxyz";
/** 45 bits of milliseconds last until the year 3084. */
const timeDigits = 9;
const randomDigits = 11;
/** Asking for chance costs much the same for many ids as for one. */
const idsAtOnce = 256;

/** A queue id: the time, then chance, 20 digits of base 32. `random` are 11 bytes. Ids sort by time. */
export function formatQueueId(now: number, random: Uint8Array): string {
  let time = "";
  for (let rest = Math.max(0, Math.floor(now)); time.length < timeDigits; rest = Math.floor(rest / 32))
    time = (digits[rest % 32] ?? "") + time;
  let id = time;
  for (const byte of random.subarray(0, randomDigits)) id += digits[byte % 32] ?? "";
  return id;
}

/** Makes queue ids: unique over processes by 55 bits of chance, never sorting before earlier ones of this process. */
export function queueIds(clock: Clock): () => string {
  let latest = 0;
  let chance = Buffer.alloc(0);
  return () => {
    latest = Math.max(latest, clock.now());
    if (chance.length === 0) chance = randomBytes(randomDigits * idsAtOnce);
    const random = chance.subarray(0, randomDigits);
    chance = chance.subarray(randomDigits);
    return formatQueueId(latest, random);
  };
}
