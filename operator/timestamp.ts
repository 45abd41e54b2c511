/** A time as Kubernetes writes it: RFC 3339 in UTC, whole seconds. */
export function timestamp(time: number): string {
  return `${new Date(time).toISOString().slice(0, -".000Z".length)}Z`;
}
