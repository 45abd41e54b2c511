import type { KeyAlgorithm } from "../../contract/key-secret.ts";

/** A selector that is allotted to a new key. */
export interface Allotment {
  readonly selector: string;
  readonly algorithm: KeyAlgorithm;
}

const suffix: Readonly<Record<KeyAlgorithm, string>> = { RSA2048: "", Ed25519: "-ed" };

/**
 * Selectors for new keys by the UTC quarter: `s2026q4` and `s2026q4-ed`, then `s2026q4-2` and `s2026q4-2-ed`. One that was
 * ever taken is never allotted again: receivers and caches may still hold its record. So numbers go on from the highest
 * that is known; gaps are left by keys that a lost history has forgotten.
 */
export function allotSelectors(
  prefix: string,
  algorithms: readonly KeyAlgorithm[],
  taken: Iterable<string>,
  now: number,
): readonly Allotment[] {
  const used = new Set(taken);
  return algorithms.map((algorithm) => {
    const first = selectorOf(prefix, algorithm, 1, now);
    const stem = first.slice(0, first.length - suffix[algorithm].length);
    let n = Math.max(0, ...Array.from(used, (selector) => numberOf(selector, stem, suffix[algorithm]))) + 1;
    while (used.has(selectorOf(prefix, algorithm, n, now))) n += 1;
    const selector = selectorOf(prefix, algorithm, n, now);
    used.add(selector);
    return { selector, algorithm };
  });
}

/** Which of the selectors of a quarter and an algorithm one is, from 1; 0 when it is none of them. */
function numberOf(selector: string, stem: string, ending: string): number {
  if (!selector.startsWith(stem) || !selector.endsWith(ending)) return 0;
  const middle = selector.slice(stem.length, selector.length - ending.length);
  if (middle === "") return 1;
  return /^-[1-9][0-9]{0,5}$/.test(middle) ? Number(middle.slice(1)) : 0;
}

/** Whether a selector is one that {@link allotSelectors} makes of a prefix. */
export function hasPrefix(selector: string, prefix: string): boolean {
  return selector.startsWith(prefix) && /^[0-9]{4,6}q[1-4](-[0-9]+)?(-ed)?$/.test(selector.slice(prefix.length));
}

function selectorOf(prefix: string, algorithm: KeyAlgorithm, n: number, now: number): string {
  const date = new Date(now);
  const quarter = 1 + Math.floor(date.getUTCMonth() / 3);
  return `${prefix}${date.getUTCFullYear()}q${quarter}${n === 1 ? "" : `-${n}`}${suffix[algorithm]}`;
}
