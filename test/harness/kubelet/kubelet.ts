/**
 * A kubelet made of processes, for a control plane that has no node: one Node to which every pending pod is bound, with the
 * network of Services and the logs beside it. Every container is the one image that there is, this checkout, and really runs:
 * in namespaces of its own for mounts, processes, host name and IPC, as its user, with its environment and nothing else.
 *
 * What it does: Secret, ConfigMap, downwardAPI, projected (with tokens by TokenRequest, renewed), emptyDir and
 * persistentVolumeClaim volumes, subPath, fsGroup; env, envFrom, the downward API, Service variables, `$(NAME)`; init
 * containers; startup, readiness and liveness probes by HTTP, TCP and exec; preStop, grace periods, restarts with back-off;
 * read-only roots, users and groups, dropped capabilities, low ports by sysctl; pod and container status; `kubectl logs`;
 * /etc/hosts with the Services, cluster IPs over TCP, headless Services, readiness and termination of their pods, of which
 * a Service hears up to two seconds late.
 *
 * What it leaves out:
 * - Network namespaces: all pods share the machine's loopback, so that a pod has to listen on its POD_IP, and whatever
 *   listens on all addresses takes the port from the others. Connections through a Service come from 127.0.0.1.
 *   NetworkPolicy, NodePort, LoadBalancer, UDP, session affinity, traffic policies and DNS (beyond /etc/hosts) are not there.
 * - Other images, pulls and tags: `image` is not read. The image is laid out as the Dockerfile says, with the packages of the
 *   checkout, those of development too, and the system of this machine. What is compiled when an image is built is
 *   compiled before the first pod.
 * - Limits: no cgroups, so that neither memory nor processor time nor disk is limited, and nothing is evicted.
 * - seccomp, AppArmor, SELinux, capabilities to add, privileged containers, sysctls but that of low ports, user namespaces.
 * - Scheduling: nodeSelector, affinity, taints, spread and scheduling gates are not read; there is one node.
 * - Other volumes (CSI, hostPath, ephemeral, image), storage classes, volume sizes, emptyDir in memory or of a size.
 * - Sidecars (init containers that go on), ephemeral containers, postStart, stop signals, gRPC probes, activeDeadlineSeconds.
 * - Of a pod: hostAliases, dnsConfig, dnsPolicy, subdomain, setHostnameAsFQDN, hostPID, hostIPC, shareProcessNamespace,
 *   runtime classes, priorities and preemption, resources of the pod as a whole, resource claims; hostNetwork is the Node's address.
 * - Of a container: stdin, tty, hostPort, termination messages (none is read, none stands in the status), restart rules,
 *   resizing, block devices, mount propagation, variables from files; of a security context fsGroupChangePolicy,
 *   supplementalGroupsPolicy and procMount.
 * - `kubectl exec`, `attach`, `port-forward`, `cp`, `top`; `logs` knows neither --follow, --previous nor times.
 * - Leases and heartbeats of the Node, Events, and changes of a running pod's spec.
 * Where it is quicker than the real one: volumes follow their objects at once, a probe that has not succeeded yet is asked twice
 * a second, restarts wait 1 s to 30 s rather than 10 s to 300 s.
 *
 * It needs Linux and root. Nothing of it stays behind: it is the first process of a process namespace and holds its files
 * in memory in a mount namespace, and the kernel ends both with the process that started it.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { spawnBound } from "../bound-process.ts";
import { isThere } from "../needed.ts";
import { compileImage } from "./compiled-image.ts";
import { checkout, image } from "./image.ts";
import type { FromKubelet, KubeletConfig, ToKubelet } from "./main.ts";

export interface Kubelet {
  readonly nodeName: string;
  /** What every container wrote so far, and the kubelet's own complaints. */
  logs(): Promise<string>;
  /** Sends a signal to the first process of each container of a pod, as if it came from the machine: SIGKILL is a crash, SIGSTOP a hang. */
  signal(namespace: string, pod: string, signal: NodeJS.Signals): Promise<void>;
  /** Kills it, with every container. Their pods stay in the API server as they are. */
  stop(): Promise<void>;
}

export interface KubeletOptions {
  /** A file with the rights of an admin. */
  readonly kubeconfig: string;
  /** `https://HOST:PORT` of the API server. */
  readonly url: string;
  /** `node-1` when absent. */
  readonly nodeName?: string;
}

const main = new URL("main.ts", import.meta.url).pathname;
const patience = 60_000;

/** True where a kubelet can run. */
export const canRunKubelet = isThere(
  "a kubelet made of processes wants Linux and root",
  process.platform === "linux" && process.getuid?.() === 0,
);

/** Starts a kubelet and waits until its Node is there and its Services are served. Throws with its output when it ends instead. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { kubeconfig, url, nodeName = "node-1" } = options;
  const { hostname: host, port } = new URL(url);
  // Only a place to mount on: it stays empty for everybody else.
  const folder = `${checkout}/.cache/kubelet`;
  mkdirSync(folder, { recursive: true });
  await compileImage(image);
  const config: KubeletConfig = { kubeconfig, nodeName, folder, apiServer: { host, port: Number(port) } };
  const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const command = [...namespaces, process.execPath, main, JSON.stringify(config)];
  const child = spawnBound("unshare", command, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let output = "";
  const hear = (text: string): void => void (output = `${output}${text}`.slice(-65_536));
  child.stdout?.setEncoding("utf8").on("data", hear);
  child.stderr?.setEncoding("utf8").on("data", hear);
  const gone = once(child, "exit").then((): never => {
    throw new Error(`the kubelet ended:\n${output}`);
  });
  gone.catch(() => undefined);
  const ask = conversation(child, gone);
  await ask(undefined);
  return {
    nodeName,
    logs: async () => `${await ask({})}\n--- kubelet\n${output}`,
    async signal(namespace, name, signal) {
      await ask({ signal: { pod: { namespace, name }, name: signal } });
    },
    async stop() {
      child.kill("SIGKILL");
      await gone.catch(() => undefined);
    },
  };
}

/** Asks the kubelet; the first question, which is none, is answered when it is ready. Resolves to the logs. */
function conversation(child: ChildProcess, gone: Promise<never>) {
  const waiting = new Map<number, (answer: FromKubelet) => void>();
  child.on("message", (answer: FromKubelet) => waiting.get(answer.id)?.(answer));
  let questions = 0;
  return async (question: Omit<ToKubelet, "id"> | undefined): Promise<string> => {
    const id = questions++;
    const { promise, resolve, reject } = Promise.withResolvers<FromKubelet>();
    const late = setTimeout(() => reject(new Error("the kubelet does not answer")), patience);
    waiting.set(id, resolve);
    if (question) child.send({ id, ...question });
    const { logs, error } = await Promise.race([promise, gone]).finally(() => clearTimeout(late));
    if (error !== undefined) throw new Error(error);
    return logs;
  };
}
