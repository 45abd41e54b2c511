/** The form of a namespace pattern: a name, or the start of one with `*` at the end. */
export const namespacePattern = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?|([a-z0-9][-a-z0-9]*)?\\*)$";

/** Whether a namespace matches one of the patterns. */
export function namespaceAllowed(patterns: readonly string[], namespace: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? namespace.startsWith(pattern.slice(0, -1)) : namespace === pattern,
  );
}
