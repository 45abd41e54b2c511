/** Where the servers of a control plane for tests listen and keep their files, and with which flags they run. */

import type { ServiceRange } from "./service-range.ts";

export interface Layout {
  readonly folder: string;
  /** Of the API server. */
  readonly port: number;
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  readonly etcdUrl: string;
  readonly peerUrl: string;
  readonly services: ServiceRange;
}

/** The API server's audit policy: who called, what for, how it ended; not what the objects say. */
export const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata" }],
};

/** What is written is thrown away soon, so nothing is flushed. */
export function etcdFlags({ folder, etcdUrl, peerUrl }: Layout): string[] {
  return [
    "--name=default",
    `--data-dir=${folder}/etcd`,
    "--unsafe-no-fsync",
    "--log-level=error",
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ];
}

export function apiServerFlags({ folder, port, etcdUrl, services }: Layout): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    // Endpoints of a Service may not be loopback addresses, so the API server's own Service gets none.
    "--advertise-address=192.0.2.1",
    "--endpoint-reconciler-type=none",
    `--service-cluster-ip-range=${services.cidr}`,
    `--cert-dir=${folder}`,
    `--tls-cert-file=${folder}/server.crt`,
    `--tls-private-key-file=${folder}/server.key`,
    `--client-ca-file=${folder}/ca.crt`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${folder}/token.pub`,
    `--service-account-signing-key-file=${folder}/token.key`,
    `--audit-policy-file=${folder}/audit-policy.yaml`,
    `--audit-log-path=${folder}/audit.log`,
  ];
}

/** Those that wait for heartbeats of nodes, or for a cloud. */
const idleControllers = ["node-ipam", "node-lifecycle", "taint-eviction", "node-route", "service-lb"];

export function controllerManagerFlags({ folder }: Layout): string[] {
  return [
    `--kubeconfig=${folder}/controller-manager.kubeconfig`,
    "--secure-port=0",
    "--leader-elect=false",
    `--service-account-private-key-file=${folder}/token.key`,
    `--root-ca-file=${folder}/ca.crt`,
    `--controllers=*,${idleControllers.map((name) => `-${name}-controller`).join(",")}`,
  ];
}
