import { fieldsOf } from "./objects.ts";

/** Longer texts, such as keys and records, are hardly ever told twice. */
const longest = 128;

/** Makes equal strings in an object that was just read one string in memory. */
export type ShareStrings = (object: object) => void;

/**
 * Ten thousand statuses say the same in the same words at the same times, and every parser makes new strings of them. Those
 * that came lately are known, `most` at least and twice as many at most, so that what is seen once does not stay.
 */
export function shareStrings(most: number): ShareStrings {
  let young = new Map<string, string>();
  let old = new Map<string, string>();
  const one = (text: string): string => {
    const known = young.get(text);
    if (known !== undefined) return known;
    const kept = old.get(text) ?? text;
    if (young.size >= most) [old, young] = [young, new Map()];
    young.set(kept, kept);
    return kept;
  };
  const share = (object: object): void => {
    const fields = fieldsOf(object);
    for (const field of Object.keys(fields)) {
      const value = fields[field];
      if (typeof value === "string") {
        if (value.length <= longest) fields[field] = one(value);
      } else if (typeof value === "object" && value !== null) share(value);
    }
  };
  return share;
}
