/** What a real API server says is wrong with a custom resource, in the words of the table of manifests: paths and rules. */
import { committedSchema, customKinds } from "../../crds/committed.ts";
import type { StructuralSchema } from "../../crds/structural-schema.ts";
import type { Answer } from "./api-server-client.ts";

/** One thing that is wrong at one place. */
export interface Refusal {
  readonly path: string;
  /** A keyword of the schema, `unknown-field`, or a CEL expression; `exists` of what must be there before. */
  readonly rule: string;
}

interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

interface Status {
  readonly message: string;
  readonly details?: { readonly causes?: readonly Cause[] };
}

/** Reasons that stand for one keyword each. */
const keywords: Readonly<Record<string, string>> = {
  FieldValueRequired: "required",
  FieldValueNotSupported: "enum",
  FieldValueDuplicate: "x-kubernetes-list-type",
  FieldValueTooLong: "maxLength",
  FieldValueTooMany: "maxItems",
};

/** How the others are worded, whichever their reason. */
const wordings: readonly (readonly [RegExp, string])[] = [
  [/ in body must be of type date-time: /, "format"],
  [/ in body must be of type /, "type"],
  [/ in body should match '|regex used for validation is '|: must not contain dots$/, "pattern"],
  [/ in body should be less than or equal to /, "maximum"],
  [/ in body should be greater than or equal to /, "minimum"],
  [/ in body should have at least /, "minItems"],
  [/: must be no more than \d+ characters$/, "maxLength"],
  [/: must be [A-Z]\w+$/, "enum"],
];

/** What is refused before there is an object to validate. */
const beforehand: readonly (readonly [RegExp, (found: string) => Refusal])[] = [
  [/strict decoding error: unknown field "([^"]+)"$/, (path) => ({ path, rule: "unknown-field" })],
  [
    /cannot unmarshal \w+ into Go struct field ObjectMeta\.(\S+) of type /,
    (name) => ({ path: `metadata.${name}`, rule: "type" }),
  ],
  [
    /^the API version in the data \((.*?)\) does not match the expected API version /,
    (found) => ({ path: "apiVersion", rule: found === "" ? "required" : "enum" }),
  ],
  [/Object '(Kind)' is missing in /, () => ({ path: "kind", rule: "required" })],
  [/^namespaces "(.+)" not found$/, () => ({ path: "metadata.namespace", rule: "exists" })],
];

/** What it adds of rules that it could not look at, as something else is wrong. */
const isConsequence = ({ field, message }: Cause): boolean =>
  field === "<nil>" || message.includes(" evaluating rule: ");

/** What is wrong by this answer, the first at each place; nothing when it is no refusal. What it is not known to say stands there as a rule in its own words. */
export function refusalsOf({ code, body }: Answer): readonly Refusal[] {
  if (code < 300) return [];
  const { message, details } = body as Status;
  const causes = details?.causes ?? [];
  if (causes.length === 0) return [refusedBeforehand(message)];
  const refusals = new Map<string, Refusal>();
  for (const cause of causes) {
    const path = cause.field;
    if (!isConsequence(cause) && !refusals.has(path)) refusals.set(path, { path, rule: ruleOf(cause) });
  }
  return [...refusals.values()];
}

function refusedBeforehand(message: string): Refusal {
  for (const [pattern, refusal] of beforehand) {
    const found = pattern.exec(message)?.[1];
    if (found !== undefined) return refusal(found);
  }
  return { path: "", rule: message };
}

function ruleOf({ reason, message }: Cause): string {
  const keyword = keywords[reason] ?? wordings.find(([pattern]) => pattern.test(message))?.[1];
  return keyword ?? expressions.find(([ours]) => message.endsWith(`: ${ours}`))?.[1] ?? message;
}

/** The CEL rules of both kinds by their messages. */
const expressions: readonly (readonly [message: string, rule: string])[] = customKinds.flatMap((kind) =>
  rulesIn(committedSchema(kind)),
);

function rulesIn(schema: StructuralSchema): readonly (readonly [string, string])[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  const inside = [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])];
  return [...rules.map(({ message, rule }) => [message, rule] as const), ...inside.flatMap(rulesIn)];
}
