import { isJsonObject } from "./json-value.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/**
 * Fills the defaults of a schema into a value, in place, as the API server does before it validates: from the outside
 * in, so that a default of `{}` is filled in turn. A null where none is allowed counts as absent.
 */
export function fillDefaults(value: unknown, schema: StructuralSchema): void {
  if (Array.isArray(value)) {
    const items = schema.items;
    if (items) for (const item of value) fillDefaults(item, items);
    return;
  }
  if (!isJsonObject(value)) return;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (Object.hasOwn(value, name) && value[name] === null) delete value[name];
    if (!Object.hasOwn(value, name) && property.default !== undefined) value[name] = structuredClone(property.default);
    if (Object.hasOwn(value, name)) fillDefaults(value[name], property);
  }
}
