import { Counter, type Registry } from "prom-client";

/** Takes in a request: the HTTP status, or `<error>` where none came, and the method. */
export type RequestCounter = (code: number | "<error>", method: string) => void;

/** Counts requests under the name that Kubernetes' own clients use. */
export function requestCounter(registry?: Registry): RequestCounter {
  if (registry === undefined) return () => undefined;
  const total = new Counter({
    name: "rest_client_requests_total",
    help: "Requests to the API server by HTTP status and method.",
    labelNames: ["code", "method"],
    registers: [registry],
  });
  return (code, method) => total.inc({ code: String(code), method });
}
