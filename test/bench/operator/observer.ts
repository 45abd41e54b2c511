/** Watches from outside what the operator has come to: the custom resources as users see them. */
import pino from "pino";
import { openApi } from "../../../cluster/kubernetes/api.ts";
import { openKubernetes } from "../../../cluster/kubernetes/kubernetes.ts";
import { keyText, type Kind } from "../../../cluster/object.ts";
import type { Cluster } from "../../../cluster/port.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { ControlPlane } from "../../harness/control-plane.ts";
import type { SeenStatus } from "../../harness/custom-resources.ts";

export interface Watching {
  readonly cluster: Cluster;
  readonly close: () => Promise<void>;
}

/** What happened first for how many, and when it had for the last one. */
export interface Counted {
  readonly count: () => number;
  /** Milliseconds since the epoch. */
  readonly lastAt: () => number;
}

export interface Observer extends Watching {
  /** Custom resources of both kinds that are Ready. */
  readonly ready: Counted;
  /** Domains whose keys are all Active: their contracts tell relays to sign with them. */
  readonly signing: Counted;
}

interface SeenKeys {
  readonly dkim?: { readonly keys?: readonly { readonly state: string }[] };
}

/** Follows all custom resources of a control plane. */
export async function observe(plane: ControlPlane): Promise<Observer> {
  const watching = await open(plane, ["RelayTenant", "SendingDomain"]);
  const ready = counter();
  const signing = counter();
  watching.cluster.watch(["RelayTenant", "SendingDomain"], (key) => {
    const object = watching.cluster.get(key);
    const seen = object !== undefined && "status" in object ? object.status : {};
    const { conditions = [], dkim: { keys = [] } = {} } = (seen ?? {}) as SeenStatus & SeenKeys;
    if (conditions.some(({ type, status }) => type === "Ready" && status === "True")) ready.add(keyText(key));
    if (keys.length > 0 && keys.every(({ state }) => state === "Active")) signing.add(keyText(key));
  });
  return { ...watching, ready, signing };
}

/** Follows the contract namespace as a relay does. */
export function followContracts(plane: ControlPlane, contractNamespace: string): Promise<Watching> {
  return open(plane, ["Secret"], contractNamespace);
}

async function open(plane: ControlPlane, kinds: readonly Kind[], contractNamespace = "none"): Promise<Watching> {
  const common = { clock: systemClock, log: pino({ level: "silent" }) };
  const api = await openApi({ ...common, kubeconfig: plane.kubeconfig });
  const scope = kinds.includes("Secret")
    ? ({ kind: "Namespaces", namespaces: [] } as const)
    : ({ kind: "Cluster" } as const);
  const cluster = await openKubernetes({ ...common, api, random: Math.random, scope, contractNamespace, kinds });
  return {
    cluster,
    async close() {
      await cluster.close();
      await api.close();
    },
  };
}

function counter(): Counted & { readonly add: (text: string) => void } {
  const seen = new Set<string>();
  let lastAt = 0;
  return {
    count: () => seen.size,
    lastAt: () => lastAt,
    add(text) {
      if (seen.has(text)) return;
      seen.add(text);
      lastAt = Date.now();
    },
  };
}
