import { Counter, type Registry } from "prom-client";

/** Takes in a request: the HTTP status, or `<error>` where none came, the method, and the server's host and port. */
export type RequestCounter = (code: number | "<error>", method: string, host: string) => void;

/** Counts requests under the name, and by the labels, that Kubernetes' own clients use. */
export function requestCounter(registry?: Registry): RequestCounter {
  if (registry === undefined) return () => undefined;
  const total = new Counter({
    name: "rest_client_requests_total",
    help: "Requests to the API server by HTTP status, method and host.",
    labelNames: ["code", "host", "method"],
    registers: [registry],
  });
  return (code, method, host) => total.inc({ code: String(code), host, method });
}
