import { Environment } from "@marcbachmann/cel-js";
import { isJsonObject, itemKey } from "./json-value.ts";
import { problemAt } from "./problem.ts";
import type { AdmissionProblem, Place } from "./problem.ts";
import { isTransitionRule } from "./rule-check.ts";
import type { StructuralSchema } from "./structural-schema.ts";

const environment = new Environment().registerVariable("self", "dyn").registerVariable("oldSelf", "dyn");

/** A value that rules are evaluated on; `before` is what stood at the same place, on update only. */
interface Subject {
  readonly value: unknown;
  readonly before?: unknown;
  readonly schema: StructuralSchema;
  readonly place: Place;
}

/** Says whether the rules of a schema hold. */
export type RuleChecker = (value: unknown, before: unknown) => readonly AdmissionProblem[];

/**
 * Compiles every CEL rule of a schema. The checker evaluates them on a value that is valid and defaulted, outer rules
 * first; a rule with `oldSelf` holds only where `before` has a value at the same place.
 */
export function compileRules(schema: StructuralSchema): RuleChecker {
  const programs = new Map<string, (context: Record<string, unknown>) => unknown>();
  const collect = (at: StructuralSchema): void => {
    for (const { rule } of at["x-kubernetes-validations"] ?? []) programs.set(rule, environment.parse(rule));
    for (const property of Object.values(at.properties ?? {})) collect(property);
    if (at.items) collect(at.items);
  };
  collect(schema);
  const visit = (subject: Subject): AdmissionProblem[] => [
    ...broken(subject, programs),
    ...children(subject).flatMap(visit),
  ];
  return (value, before) => visit({ value, before, schema, place: [] });
}

function broken(
  { value, before, schema, place }: Subject,
  programs: ReadonlyMap<string, (context: Record<string, unknown>) => unknown>,
): AdmissionProblem[] {
  const problems: AdmissionProblem[] = [];
  for (const { rule, message } of schema["x-kubernetes-validations"] ?? []) {
    const transition = isTransitionRule(rule);
    if (transition && before === undefined) continue;
    const context: Record<string, unknown> = { self: celValue(value, schema) };
    if (transition) context["oldSelf"] = celValue(before, schema);
    if (!holds(programs.get(rule), context)) problems.push(problemAt(place, rule, message));
  }
  return problems;
}

/** A rule that cannot be evaluated does not hold, as in the API server. */
function holds(
  program: ((context: Record<string, unknown>) => unknown) | undefined,
  context: Record<string, unknown>,
): boolean {
  try {
    return program?.(context) === true;
  } catch {
    return false;
  }
}

function children({ value, before, schema, place }: Subject): Subject[] {
  if (isJsonObject(value)) {
    const old = isJsonObject(before) ? before : {};
    return Object.entries(schema.properties ?? {})
      .filter(([name]) => Object.hasOwn(value, name))
      .map(([name, property]) => ({
        value: value[name],
        before: Object.hasOwn(old, name) ? old[name] : undefined,
        schema: property,
        place: [...place, name],
      }));
  }
  const items = schema.items;
  if (!Array.isArray(value) || !items) return [];
  const keys = schema["x-kubernetes-list-map-keys"];
  const old: unknown[] = keys && Array.isArray(before) ? before : [];
  return value.map((item: unknown, index) => ({
    value: item,
    before: keys && old.find((candidate) => itemKey(candidate, keys) === itemKey(item, keys)),
    schema: items,
    place: [...place, index],
  }));
}

/** A JSON value as CEL has it: integers are ints, times and durations are not strings. */
function celValue(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema?.items));
  if (isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, celValue(each, schema?.properties?.[name])]),
    );
  }
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && schema?.format === "date-time") return new Date(value);
  if (typeof value === "string" && schema?.format === "duration")
    return environment.evaluate("duration(self)", { self: value });
  return value;
}
