import Type from "typebox";

/** A CEL rule of the API server (`x-kubernetes-validations`): core functions, `matches` and `duration` only. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** Options that ride along in a schema: JSON Schema keywords and `x-kubernetes-*`. */
export interface SchemaOptions {
  readonly [keyword: string]: unknown;
  readonly description: string;
}

/** The option that attaches CEL rules to a schema. */
export function rules(...list: readonly Rule[]): { "x-kubernetes-validations": readonly Rule[] } {
  return { "x-kubernetes-validations": list };
}

/** A string that is one of a few words: an OpenAPI enum with its type, as structural schemas want it. */
export function oneOf<const T extends readonly string[]>(words: T, options: SchemaOptions): Type.TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>({ type: "string", enum: [...words], ...options });
}

/** A bounded list of objects with a key of their own: `listType: map`, so that server-side apply merges by that key. */
export function listMap<T extends Type.TSchema>(
  key: string,
  item: T,
  options: SchemaOptions & { readonly maxItems: number },
): Type.TArray<T> {
  return Type.Array(item, { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key], ...options });
}

/** A bounded list of different scalars: `listType: set`. */
export function listSet<T extends Type.TSchema>(
  item: T,
  options: SchemaOptions & { readonly maxItems: number },
): Type.TArray<T> {
  return Type.Array(item, { "x-kubernetes-list-type": "set", ...options });
}

/** A DNS label: the form of the names of parts of an object, such as environments and credentials. */
export const label = { minLength: 1, maxLength: 63, pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" };
/** A DNS subdomain (RFC 1123): the form of the name of a Kubernetes object. */
export const objectName = {
  minLength: 1,
  maxLength: 253,
  pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
};
/** The form of a duration (GEP-2257), such as 15m or 1h30m; in rules `duration(self)` reads it. */
export const durationForm = { minLength: 2, maxLength: 32, pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$" };

/** A time, RFC 3339. */
export function dateTime(options: SchemaOptions): Type.TString {
  return Type.String({ format: "date-time", maxLength: 64, ...options });
}

/** A condition (metav1.Condition); `type` keys the list. */
export const Condition = Type.Object(
  {
    type: Type.String({ maxLength: 316, description: "Type of condition, in CamelCase." }),
    status: oneOf(["True", "False", "Unknown"], { description: "Whether the condition holds." }),
    observedGeneration: Type.Optional(
      Type.Integer({ minimum: 0, description: "The generation that the condition was set upon." }),
    ),
    lastTransitionTime: dateTime({ description: "When the status last changed." }),
    reason: Type.String({
      minLength: 1,
      maxLength: 1024,
      pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
      description: "Why, in one CamelCase word, for programs.",
    }),
    message: Type.String({ maxLength: 32768, description: "Why, in a sentence, for people." }),
  },
  { description: "One aspect of the state of an object." },
);
export type Condition = Type.Static<typeof Condition>;
