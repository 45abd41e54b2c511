import { ApiError } from "../../cluster/kubernetes/api-error.ts";
import type { Api, ApiRequest } from "../../cluster/kubernetes/api.ts";
import type { Clock } from "../../runtime/clock.ts";

/** What happens to one request: it may come late, never arrive, or its answer may get lost. */
export interface RequestFate {
  readonly delay: number;
  readonly fails?: "Before" | "After";
}

/** One Lease, as an API server keeps it: created once, replaced by its version alone. */
export interface LeaseServer {
  /** The way of one client; each request is given a fate. */
  readonly client: (fate: () => RequestFate) => Pick<Api, "request">;
  readonly spec: () => Readonly<Record<string, unknown>> | undefined;
  readonly remove: () => void;
  /** `GET`, `POST` and `PUT` that arrived. */
  readonly arrived: () => readonly string[];
}

/** Starts without a Lease. */
export function createLeaseServer(clock: Clock): LeaseServer {
  let lease: { metadata: { resourceVersion: string }; spec: Record<string, unknown> } | undefined;
  let version = 0;
  const arrived: string[] = [];

  const serve = ({ method, body }: ApiRequest): unknown => {
    arrived.push(method);
    if (method === "GET") return structuredClone(lease) ?? refuse(404);
    const sent = structuredClone(body) as NonNullable<typeof lease>;
    if (method === "POST" && lease !== undefined) refuse(409);
    if (method === "PUT" && lease === undefined) refuse(404);
    if (method === "PUT" && sent.metadata.resourceVersion !== lease?.metadata.resourceVersion) refuse(409);
    version += 1;
    lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(version) } };
    return structuredClone(lease);
  };
  return {
    client: (fate) => ({
      async request(request) {
        const { delay, fails } = fate();
        const deadline = request.deadline ?? 30_000;
        const late = delay > deadline;
        await clock.sleep(Math.min(delay, deadline) / 2);
        // What is late may arrive after the client gave up: the worst that a network does.
        if (late && fails === undefined)
          clock.after(
            delay,
            () =>
              void Promise.resolve(request)
                .then(serve)
                .catch(() => undefined),
          );
        const answer = late || fails === "Before" ? undefined : serve(request);
        await clock.sleep(Math.min(delay, deadline) / 2);
        if (late || fails !== undefined) throw new Error("no answer in time");
        return answer;
      },
    }),
    spec: () => lease?.spec,
    remove: () => void (lease = undefined),
    arrived: () => arrived,
  };
}

function refuse(code: number): never {
  throw new ApiError(`refused: ${code}`, { code, reason: "" });
}
