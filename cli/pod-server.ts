import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { serviceAccount, type PodServer } from "../cluster/kubernetes/plain-access.ts";

/** The API server of the pod that this runs in; undefined elsewhere, and where kubectl would take a kubeconfig. */
export function podServer(): PodServer | undefined {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (!host || !port || KUBECONFIG || existsSync(join(homedir(), ".kube", "config"))) return undefined;
  return existsSync(join(serviceAccount, "token")) ? { host, port } : undefined;
}
