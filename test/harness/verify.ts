/** Throws unless `condition` holds. */
export function verify(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`not so: ${what}`);
}
