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

/** Milliseconds as a GEP-2257 duration for people: rounded up, to seconds below two minutes and to minutes above. */
export function formatDuration(time: number): string {
  const step = time < 120_000 ? 1000 : 60_000;
  const rounded = Math.ceil(time / step) * step;
  const parts = [
    [Math.floor(rounded / 3_600_000), "h"],
    [Math.floor((rounded % 3_600_000) / 60_000), "m"],
    [(rounded % 60_000) / 1000, "s"],
  ] as const;
  const text = parts.map(([count, name]) => (count === 0 ? "" : `${count}${name}`)).join("");
  return text === "" ? "0s" : text;
}
