import { isMap, isNode, isScalar, isSeq } from "yaml";
import type { Document, LineCounter } from "yaml";

/** A position in a text; both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The position of an offset. */
export function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/**
 * Where a place of an object stands in the text: at the key of a field, at the item of a list. What is missing is
 * found at the nearest thing around it.
 */
export function locate(document: Document.Parsed, lines: LineCounter, place: readonly (string | number)[]): Position {
  let node: unknown = document.contents;
  let offset = offsetOf(node) ?? document.range[0];
  for (const segment of place) {
    const step = child(node, segment);
    if (!step) break;
    offset = step.offset ?? offset;
    node = step.node;
  }
  return positionAt(lines, offset);
}

function child(node: unknown, segment: string | number): { node: unknown; offset: number | undefined } | undefined {
  if (isSeq(node) && typeof segment === "number" && segment < node.items.length) {
    const item: unknown = node.items[segment];
    return { node: item, offset: offsetOf(item) };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(segment));
  return pair && { node: pair.value, offset: offsetOf(pair.key) };
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
