/**
 * The process of the kubelet: process 1 of its own process namespace, with a file system in memory that only it and its
 * containers see. When it ends, however it ends, all of that is gone. `kubelet.ts` starts it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { openApi, type Api } from "../../../cluster/kubernetes/api.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { claimFolder, provide } from "./claims.ts";
import { timeOf } from "./container-record.ts";
import { follow, type Followed } from "./followed.ts";
import { takeNetwork, type Network } from "./network.ts";
import { registerNode } from "./node-object.ts";
import { podRuns, type PodRuns } from "./pod-runs.ts";
import type { Claim, ConfigMap, Pod, Secret, Service, Stored } from "./pod.ts";
import { serviceProxies } from "./service-proxies.ts";

/** What the parent says in the first argument. */
export interface KubeletConfig {
  readonly kubeconfig: string;
  readonly apiServer: { readonly host: string; readonly port: number };
  /** A folder, to mount the file system in memory on. */
  readonly folder: string;
  readonly nodeName: string;
}

/** What the parent asks for: a signal to the containers of a pod, and in any case what every container wrote. */
export interface ToKubelet {
  readonly id: number;
  readonly signal?: {
    readonly pod: { readonly namespace: string; readonly name: string };
    readonly name: NodeJS.Signals;
  };
}

/** The answer, or with the id 0 that the kubelet is there. */
export interface FromKubelet {
  readonly id: number;
  readonly logs: string;
  readonly error?: string;
}

/** How often tokens are looked at, in milliseconds. */
const tokenInterval = 10_000;

interface World {
  readonly config: KubeletConfig;
  readonly api: Api;
  readonly network: Network;
  readonly folders: { readonly pods: string; readonly logs: string; readonly root: string; readonly claims: string };
}

const warn = (message: string): void => console.error(`${new Date().toISOString()} ${message}`);

function tell(message: FromKubelet): void {
  process.send?.(message);
}

async function open(config: KubeletConfig): Promise<World> {
  const { folder, kubeconfig, nodeName } = config;
  execFileSync("mount", ["-t", "tmpfs", "-o", "mode=755", "kubelet", folder]);
  const at = (name: string): string => join(folder, name);
  const folders = { pods: at("pods"), logs: at("logs"), root: at("root"), claims: at("claims") };
  for (const each of Object.values(folders)) mkdirSync(each);
  const network = await takeNetwork(folders.logs);
  const api = await openApi({ kubeconfig, clock: systemClock, log: pino({ level: "silent" }) });
  await registerNode(api, { name: nodeName, ip: network.nodeIp, port: network.nodePort }, timeOf(Date.now()));
  return { config, api, network, folders };
}

/** Follows everything that pods are made of, the pods last. */
async function live({ config, api, network, folders }: World): Promise<PodRuns> {
  const { signal } = new AbortController();
  const watch = <T extends Stored>(
    resource: string,
    onChange: (object: T, gone: boolean) => void,
  ): Promise<Followed<T>> => follow<T>({ api, path: `/api/v1/${resource}`, onChange, signal });
  let runs: PodRuns | undefined;
  let onNetwork: (() => void) | undefined;
  const refresh = ({ metadata }: Stored): void => runs?.refresh(metadata.namespace);

  const secrets = await watch<Secret>("secrets", refresh);
  const maps = await watch<ConfigMap>("configmaps", refresh);
  const claims = await watch<Claim>("persistentvolumeclaims", (claim, gone) => {
    if (!gone) provide(api, claim, folders.claims).catch((error: unknown) => warn(`claim: ${String(error)}`));
  });
  const services = await watch<Service>("services", () => onNetwork?.());
  runs = podRuns({
    api,
    network,
    nodeName: config.nodeName,
    folders,
    objects: {
      secret: (namespace, name) => secrets.get(namespace, name),
      configMap: (namespace, name) => maps.get(namespace, name),
      services: () => services.all(),
    },
    claimFolder(namespace, name) {
      const claim = claims.get(namespace, name);
      return claim?.status?.phase === "Bound" ? claimFolder(folders.claims, claim) : undefined;
    },
    onError: warn,
  });
  const all = runs;
  const pods = await watch<Pod>("pods", (pod, gone) => {
    all.see(pod, gone);
    onNetwork?.();
  });
  const proxies = serviceProxies({ pods: () => pods.all(), apiServer: config.apiServer, onError: warn });
  onNetwork = together(() => {
    proxies.update(services.all());
    all.writeHosts(pods.all());
  });
  onNetwork();
  setInterval(() => all.refresh(), tokenInterval);
  return all;
}

/** Many calls in one turn become one. */
function together(action: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      action();
    });
  };
}

function logsIn(folder: string): string {
  return readdirSync(folder)
    .map((name) => `--- ${name}\n${readFileSync(join(folder, name), "utf8")}`)
    .join("\n");
}

// The parent has ended in a way that left it no time to say so.
process.on("disconnect", () => process.exit());
const world = await open(JSON.parse(process.argv[2] ?? "{}") as KubeletConfig);
const runs = await live(world);
process.on("message", (asked) => tell(answer(asked as ToKubelet)));
tell({ id: 0, logs: "" });

function answer({ id, signal }: ToKubelet): FromKubelet {
  const logs = logsIn(world.folders.logs);
  try {
    if (signal) runs.signal(signal.pod, signal.name);
    return { id, logs };
  } catch (error) {
    return { id, logs, error: String(error) };
  }
}
