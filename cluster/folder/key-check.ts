import { isScalar, visit } from "yaml";
import type { Document, Pair } from "yaml";

/** A key of a map that JSON cannot have, and what to do. */
export interface BadKey {
  /** In the text. */
  readonly offset: number;
  readonly message: string;
}

/**
 * The first key of a document that its map has twice, or that is a map or a list itself. The parser's own check compares
 * each key with all before it, which takes minutes for a large map; this one takes one look at each.
 */
export function badKey(document: Document.Parsed): BadKey | undefined {
  const found: BadKey[] = [];
  visit(document, {
    Map(_, { items, range }) {
      const seen = new Set<string>();
      for (const pair of items) {
        const message = messageFor(pair, seen);
        if (message === undefined) continue;
        found.push({ offset: offsetOf(pair) ?? range?.[0] ?? 0, message });
        return visit.BREAK;
      }
      return undefined;
    },
  });
  return found[0];
}

function messageFor({ key }: Pair, seen: Set<string>): string | undefined {
  if (!isScalar(key)) return "A key must be a plain word";
  const name = String(key.value);
  if (seen.has(name)) return `Map keys must be unique; remove one ${JSON.stringify(name)}`;
  seen.add(name);
  return undefined;
}

function offsetOf({ key }: Pair): number | undefined {
  return isScalar(key) ? key.range?.[0] : undefined;
}
