/**
 * Whether a resourceVersion is older than another of the same kind. The API server's are decimal numbers that rise with
 * every write, and comparable as such.
 */
export function isOlder(a: string | undefined, b: string | undefined): boolean {
  if (!isNumber(a) || !isNumber(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

function isNumber(version: string | undefined): version is string {
  return version !== undefined && /^[1-9]\d*$/.test(version);
}
