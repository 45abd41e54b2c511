/** What a field of the values is, as far as the writers of this folder look. */
export interface ValuesSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, ValuesSchema>>;
  readonly patternProperties?: Readonly<Record<string, ValuesSchema>>;
  readonly additionalProperties?: boolean | ValuesSchema;
  readonly items?: ValuesSchema;
  readonly enum?: readonly string[];
  readonly [keyword: string]: unknown;
}

/** A typebox schema as the plain JSON Schema that it is. */
export function plainSchema(schema: object): ValuesSchema {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(JSON.stringify(schema)) as ValuesSchema;
}

/**
 * A schema as a validator without defaults must see it: what has a default, or lies in an object that may be left out field by
 * field, is not required. Helm fills in nothing before it validates.
 */
export function withoutDefaultedRequired(schema: ValuesSchema): ValuesSchema {
  const { required, properties, patternProperties, items, ...rest } = schema;
  const wanted = required?.filter((name) => !mayBeAbsent(properties?.[name])) ?? [];
  const each = (fields: Readonly<Record<string, ValuesSchema>>): Record<string, ValuesSchema> =>
    Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, withoutDefaultedRequired(field)]));
  return {
    ...rest,
    ...(wanted.length > 0 && { required: wanted }),
    ...(properties && { properties: each(properties) }),
    ...(patternProperties && { patternProperties: each(patternProperties) }),
    ...(items && { items: withoutDefaultedRequired(items) }),
  };
}

function mayBeAbsent(field: ValuesSchema | undefined): boolean {
  if (field === undefined || field.default !== undefined) return true;
  return (
    field.properties !== undefined && (field.required ?? []).every((name) => mayBeAbsent(field.properties?.[name]))
  );
}
