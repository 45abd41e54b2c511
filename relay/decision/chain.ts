import { accept, type Verdict } from "./verdict.ts";

/** A small pure check of one thing. */
export type Check<Facts> = (facts: Facts) => Verdict;

/** The verdict of the first check that refuses; the order is the order in which a client is told what is wrong. */
export function decide<Facts>(checks: readonly Check<Facts>[], facts: Facts): Verdict {
  for (const check of checks) {
    const verdict = check(facts);
    if (verdict.kind !== "Accept") return verdict;
  }
  return accept;
}
