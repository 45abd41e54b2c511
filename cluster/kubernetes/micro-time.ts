/** A time as Kubernetes' MicroTime has it: RFC 3339 with exactly six digits of fraction; Leases and Events refuse others. */
export function microTime(now: number): string {
  return new Date(now).toISOString().replace("Z", "000Z");
}
