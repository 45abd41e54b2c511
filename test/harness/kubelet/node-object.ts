/** The Node that the kubelet is. */
import { arch } from "node:os";
import type { Api } from "../../../cluster/kubernetes/api.ts";
import { capacity } from "./downward.ts";

export interface NodeOptions {
  readonly name: string;
  readonly ip: string;
  /** Where logs are served. */
  readonly port: number;
}

/** Registers the Node, ready from the start. */
export async function registerNode(api: Api, options: NodeOptions, now: string): Promise<void> {
  const { name } = options;
  const labels = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture() };
  await api.request({
    method: "POST",
    path: "/api/v1/nodes",
    body: { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec: {} },
  });
  await api.request({
    method: "PATCH",
    path: `/api/v1/nodes/${name}/status`,
    contentType: "application/strategic-merge-patch+json",
    body: { status: statusOf(options, now) },
  });
}

function statusOf({ ip, port }: NodeOptions, now: string): object {
  const amounts = {
    cpu: String(capacity.cpu),
    memory: String(capacity.memory),
    "ephemeral-storage": String(capacity["ephemeral-storage"]),
    pods: "250",
  };
  const condition = (type: string, status: string) => ({
    type,
    status,
    reason: "KubeletReady",
    message: "",
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    capacity: amounts,
    allocatable: amounts,
    // No host name: the API server would rather ask for logs by that, and nobody resolves it.
    addresses: [{ type: "InternalIP", address: ip }],
    conditions: [condition("Ready", "True"), condition("MemoryPressure", "False"), condition("DiskPressure", "False")],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
    nodeInfo: {
      architecture: architecture(),
      operatingSystem: "linux",
      kubeletVersion: "v1.36.3",
      containerRuntimeVersion: "process://1",
      kernelVersion: "",
      osImage: "this machine",
      kubeProxyVersion: "",
      machineID: "",
      systemUUID: "",
      bootID: "",
    },
  };
}

function architecture(): string {
  return arch() === "x64" ? "amd64" : arch();
}
