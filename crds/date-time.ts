/**
 * Whether a text is a time of RFC 3339 section 5.6 on a day that exists, with `T` and `Z` in upper case as the API
 * server wants them.
 */
export function isDateTime(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (!match || Number.isNaN(Date.parse(text))) return false;
  const [year, month, day] = match.slice(1, 4).map(Number);
  // Day 0 of the next month: Date.parse takes 30 February for 2 March.
  return day !== undefined && day <= new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
}
