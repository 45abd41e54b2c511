import type { ErrorObject } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { isNode, LineCounter, parseDocument } from "yaml";
import { durationPattern } from "../runtime/duration.ts";
import { untidied } from "../runtime/validator.ts";
import { fleetMistakes } from "./fleet-checks.ts";
import { fleetSchema, type Fleet } from "./fleet.ts";

/** A mistake in a fleet file. */
export interface FleetProblem {
  /** 1-based; the line of the value, or of the object that lacks or must not have it. */
  readonly line: number;
  readonly column: number;
  /** Such as `listeners[0].port`; "" for the whole file. */
  readonly path: string;
  readonly message: string;
}

type Path = readonly (string | number)[];

function pathOf(error: ErrorObject): Path {
  const parts = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const extra: unknown = error.params["additionalProperty"];
  return typeof extra === "string" ? [...parts, extra] : parts;
}

function pathText(path: Path): string {
  return path.map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`)).join("");
}

function messageOf(error: ErrorObject): string {
  if (error.keyword === "additionalProperties") return "no such field";
  if (error.keyword === "enum") return `must be one of ${[error.params["allowedValues"]].flat().join(", ")}`;
  if (error.params["pattern"] === durationPattern) return "must be a duration such as 15m or 1h30m";
  return error.message ?? error.keyword;
}

/**
 * Reads the text of a fleet file (YAML, one document) against the schema, filling in defaults.
 * An empty text is a fleet of defaults. All mistakes are reported, not only the first.
 */
export function parseFleet(text: string): { fleet: Fleet } | { problems: readonly FleetProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map(({ pos, message }) => {
        const { line, col } = lines.linePos(pos[0]);
        return { line, column: col, path: "", message };
      }),
    };
  }
  const value: unknown = document.toJS() ?? {};
  const options = { allErrors: true, useDefaults: true, strict: true, strictTypes: false, ...untidied };
  const validate = new Ajv2020(options).compile<Fleet>(fleetSchema);
  const mistakes = validate(value)
    ? fleetMistakes(value)
    : (validate.errors ?? []).map((error) => ({ path: pathOf(error), message: messageOf(error) }));
  if (validate(value) && mistakes.length === 0) return { fleet: value };
  const problems = mistakes.map(({ path, message }) => {
    const { line, col } = lines.linePos(nearest(path, (part) => document.getIn(part, true)));
    return { line, column: col, path: pathText(path), message };
  });
  return { problems };
}

/** Offset of the value at `path`, or of the nearest one above it that is written down. */
function nearest(path: Path, nodeAt: (path: Path) => unknown): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = nodeAt(path.slice(0, length));
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
