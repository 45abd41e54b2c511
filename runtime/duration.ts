/** The form of a duration in a manifest or the fleet file: GEP-2257, such as `15m` or `1h30m`. */
export const durationPattern = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

const form = new RegExp(durationPattern);
const unit: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A GEP-2257 duration in milliseconds. The text must match {@link durationPattern}; anything else throws a RangeError. */
export function parseDuration(text: string): number {
  if (!form.test(text)) throw new RangeError(`not a duration: ${JSON.stringify(text)}; write it like 15m or 1h30m`);
  let total = 0;
  for (const [, count, name] of text.matchAll(/([0-9]+)(ms|h|m|s)/g)) total += Number(count) * (unit[name ?? ""] ?? 0);
  return total;
}
