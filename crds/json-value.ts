/** A JSON object of unknown values. */
export type JsonObject = { [key: string]: unknown };

/** Whether a value is a JSON object: neither null nor a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a list item has under the key fields of its list, as one string; two items with the same are duplicates. */
export function itemKey(item: unknown, keys: readonly string[]): string {
  return JSON.stringify(keys.map((key) => (isJsonObject(item) ? item[key] : undefined)));
}
