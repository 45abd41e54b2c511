import type { Registry } from "prom-client";
import type { Api } from "../cluster/kubernetes/api.ts";
import type { Cluster } from "../cluster/port.ts";
import { defaultContractNamespace } from "../contract/names.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import { UserError } from "./terminal.ts";

/** Where a relay reads contracts and keys. It survives JSON. */
export type ContractSource =
  /** The state folder of a `posthouse up`. */
  | { readonly kind: "Folder"; readonly state: string }
  /** A namespace of an API server; without a kubeconfig file the one that kubectl would take, or the pod's own. */
  | { readonly kind: "ApiServer"; readonly namespace: string; readonly kubeconfig?: string };

/** Contracts and keys, followed. */
export interface Contracts {
  readonly cluster: Cluster;
  /** Where they live. */
  readonly namespace: string;
  /** Milliseconds since they were last heard of; absent where they lie on the same machine. */
  readonly age?: () => number;
  close(): Promise<void>;
}

export interface OpenContracts {
  readonly log: Logger;
  readonly metrics: Registry;
  /** Gives up waiting for the API server. */
  readonly stopping: AbortSignal;
  /** A way to the API server that is open already. */
  readonly api?: Api;
}

/**
 * Follows the contracts, and only reads. Resolves when all of them were read once: while the API server is away, it waits, and
 * the log says for what.
 */
export async function openContracts(source: ContractSource, options: OpenContracts): Promise<Contracts> {
  const log = options.log.child({ part: "cluster" });
  if (source.kind === "Folder") {
    const { followState } = await import("../cluster/folder/follow-state.ts");
    const cluster = await followState({ state: source.state, clock: systemClock, log });
    return { cluster, namespace: defaultContractNamespace, close: () => cluster.close() };
  }
  const { namespace } = source;
  const api = options.api ?? (await openApiServer(source, options));
  const closeApi = async (): Promise<void> => (options.api === undefined ? api.close() : undefined);
  const { openKubernetes } = await import("../cluster/kubernetes/kubernetes.ts");
  try {
    const cluster = await openKubernetes({
      api,
      clock: systemClock,
      log,
      random: Math.random,
      scope: { kind: "Namespaces", namespaces: [] },
      contractNamespace: namespace,
      // Contracts, keys and smarthost credentials are Secrets; records are for the operator.
      kinds: ["Secret"],
      signal: options.stopping,
    });
    const close = async (): Promise<void> => {
      await cluster.close();
      await closeApi();
    };
    return { cluster, namespace, age: () => cluster.age(), close };
  } catch (error) {
    await closeApi();
    throw error;
  }
}

/** Opens the way to the API server. Rejects with a UserError when nothing says where it is. */
export async function openApiServer(
  { kubeconfig }: { readonly kubeconfig?: string },
  { log, metrics }: Pick<OpenContracts, "log" | "metrics">,
): Promise<Api> {
  // It takes memory that a relay on a folder has no use for.
  const { openApi } = await import("../cluster/kubernetes/api.ts");
  const { podServer } = await import("./pod-server.ts");
  const pod = podServer();
  try {
    return await openApi({
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(pod && { pod }),
      clock: systemClock,
      log: log.child({ part: "cluster" }),
      metrics,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`no way to an API server: ${why}; name a file with --kubeconfig`, { cause: error });
  }
}
