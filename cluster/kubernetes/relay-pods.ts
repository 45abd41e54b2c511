import type { Api } from "./api.ts";

/** A relay that can be asked. */
export interface RelayPod {
  readonly name: string;
  readonly address: string;
  /** Of its admin port. */
  readonly port: number;
}

/** Where the relays of a release are. */
export interface RelayPods {
  readonly api: Pick<Api, "request">;
  /** The release's namespace. */
  readonly namespace: string;
  readonly labelSelector: string;
  /** Name of the container port that is the admin port. */
  readonly portName: string;
  readonly signal?: AbortSignal;
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec?: {
    readonly containers?: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const deadline = 5000;

/** The pods that are ready and do not end, in the order of their names. */
export async function readyRelayPods({
  api,
  namespace,
  labelSelector,
  portName,
  signal,
}: RelayPods): Promise<readonly RelayPod[]> {
  const answer = await api.request({
    method: "GET",
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
    // From the API server's cache: a pod that is gone a moment ago does not answer, and another one is asked.
    query: { labelSelector, resourceVersion: "0" },
    deadline,
    ...(signal && { signal }),
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a PodList, as the API server promises
  const { items } = answer as { readonly items: readonly Pod[] };
  return items.flatMap((pod) => relayPod(pod, portName)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function relayPod({ metadata, spec, status }: Pod, portName: string): readonly RelayPod[] {
  const isReady = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;
  const ports = spec?.containers?.flatMap((container) => container.ports ?? []) ?? [];
  const port = ports.find(({ name }) => name === portName)?.containerPort;
  const address = status?.podIP;
  if (!isReady || metadata.deletionTimestamp !== undefined || address === undefined || port === undefined) return [];
  return [{ name: metadata.name, address, port }];
}
