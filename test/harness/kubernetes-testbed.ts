/** A cluster port on a real API server, and the hands of its users: for the suite of the port and what builds on it. */
import pino from "pino";
import type { ClusterObject, ObjectKey } from "../../cluster/object.ts";
import { openApi, type Api } from "../../cluster/kubernetes/api.ts";
import { openKubernetes, type KubernetesCluster, type KubernetesOptions } from "../../cluster/kubernetes/kubernetes.ts";
import { encodeObject } from "../../cluster/kubernetes/objects.ts";
import { objectPath } from "../../cluster/kubernetes/resources.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Answer } from "./api-server-client.ts";
import type { ControlPlane } from "./control-plane.ts";

/** The namespaces that tests use by name. */
const namespaces = ["posthouse-system", "team-shop", "other", "a", "b", "a-b"];

export interface KubernetesTestbed {
  readonly cluster: KubernetesCluster;
  readonly api: Api;
  /** Applies any object as a user of this name does with kubectl. */
  userApplies(object: ClusterObject, user?: string): Promise<void>;
  userDeletes(key: ObjectKey): Promise<void>;
  /** What the cluster has asked the API server for since it was opened, as `verb resource/name`, watches left out. */
  asked(): Promise<readonly string[]>;
  /** Ends the cluster and empties the namespaces. */
  close(): Promise<void>;
}

/** Opens a cluster on a control plane; options go over the usual ones: every namespace, the machine's clock, no log. */
export async function kubernetesTestbed(
  plane: ControlPlane,
  options: Partial<KubernetesOptions> & { readonly kubeconfig?: string } = {},
): Promise<KubernetesTestbed> {
  await Promise.all(namespaces.map((name) => makeNamespace(plane, name)));
  const log = pino({ level: "silent" });
  const { kubeconfig = plane.kubeconfig, ...rest } = options;
  const api = options.api ?? (await openApi({ kubeconfig, clock: rest.clock ?? systemClock, log }));
  const usual = { api, clock: systemClock, log, random: Math.random, scope: { kind: "Cluster" } } as const;
  const before = (await plane.auditEvents()).length;
  const cluster = await openKubernetes({ ...usual, contractNamespace: "posthouse-system", ...rest });
  return {
    cluster,
    api,
    async userApplies(object, user = "kubectl") {
      const answer = await plane.ask({
        method: "PATCH",
        path: objectPath({ kind: object.kind, ...object.metadata }),
        query: { fieldManager: user, force: "true" },
        contentType: "application/apply-patch+yaml",
        body: encodeObject(object),
      });
      expectOk(answer);
    },
    async userDeletes(key) {
      expectOk(await plane.ask({ method: "DELETE", path: objectPath(key) }));
    },
    async asked() {
      const events = (await plane.auditEvents()).slice(before);
      return events
        .filter(({ userAgent, verb }) => userAgent === "posthouse" && verb !== "watch")
        .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}/${objectRef?.name ?? ""}`);
    },
    async close() {
      await cluster.close();
      await api.close();
      await Promise.all(namespaces.map((name) => empty(plane, name)));
    },
  };
}

async function makeNamespace({ ask }: ControlPlane, name: string): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const answer = await ask({ method: "POST", path: "/api/v1/namespaces", body });
  if (answer.code !== 409) expectOk(answer);
}

async function empty({ ask }: ControlPlane, namespace: string): Promise<void> {
  const own = `/apis/posthouse.dev/v1alpha1/namespaces/${namespace}`;
  const fieldSelector = "metadata.name!=kube-root-ca.crt";
  const core = ["secrets", "configmaps"].map((plural) => `/api/v1/namespaces/${namespace}/${plural}`);
  for (const path of [...core, `${own}/relaytenants`, `${own}/sendingdomains`])
    expectOk(await ask({ method: "DELETE", path, query: { fieldSelector } }));
}

function expectOk({ code, body }: Answer): void {
  if (code >= 300) throw new Error(`${code} ${JSON.stringify(body)}`);
}
