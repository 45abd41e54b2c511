import type { Answer } from "../../net/resolver.ts";

/** A question of an evaluation beyond a claim's own records. */
export interface Question {
  readonly name: string;
  readonly type: "TXT" | "A" | "AAAA" | "MX";
}

/** What is known of a question: undefined when it was not asked yet. */
export type LookUp = <T extends Question["type"]>(name: string, type: T) => Answer<T> | undefined;

/** A question as a key of a map. */
export function questionKey({ type, name }: Question): string {
  return `${type} ${name}`;
}
