/** All pods of this node: binds what is pending, starts what is bound, ends what is deleted. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Api } from "../../../cluster/kubernetes/api.ts";
import { hostsOf } from "./backends.ts";
import type { Objects } from "./environment.ts";
import { logFileOf } from "./log-server.ts";
import type { Network } from "./network.ts";
import { removePod, startPod, type PodRun } from "./pod-run.ts";
import type { Pod } from "./pod.ts";

export interface PodRunsOptions {
  readonly api: Api;
  readonly objects: Objects;
  readonly network: Network;
  readonly nodeName: string;
  readonly folders: { readonly pods: string; readonly logs: string; readonly root: string };
  /** The folder of a bound claim. */
  readonly claimFolder: (namespace: string, claim: string) => string | undefined;
  readonly onError: (message: string) => void;
}

export interface PodRuns {
  /** A pod has changed, or is gone. */
  see(pod: Pod, gone: boolean): void;
  /** Brings the volumes of the pods of a namespace up to date; of all pods without one. */
  refresh(namespace?: string): void;
  /** Sends a signal to the containers of a pod. Throws when no such pod is here. */
  signal(pod: { readonly namespace: string; readonly name: string }, signal: NodeJS.Signals): void;
  /** Tells every pod the addresses of the Services. */
  writeHosts(pods: readonly Pod[]): void;
}

interface Running {
  pod: Pod;
  readonly run: PodRun;
  readonly folder: string;
}

/** No pods yet. */
export function podRuns(options: PodRunsOptions): PodRuns {
  const { api, objects, nodeName, onError } = options;
  const runs = new Map<string, Running>();
  const report =
    (what: string, { metadata }: Pod) =>
    (error: unknown) =>
      onError(`${what} ${metadata.namespace}/${metadata.name}: ${String(error)}`);

  function see(pod: Pod): void {
    const running = runs.get(pod.metadata.uid);
    if (running) {
      running.pod = pod;
      running.run.update(pod);
    }
    const { deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      const ending = running ? running.run.end(deletionGracePeriodSeconds * 1000) : removePod(api, pod);
      ending.catch(report("ending", pod));
    } else if (!running && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed") {
      runs.set(pod.metadata.uid, begin(pod, options));
    }
  }

  return {
    see(pod, gone) {
      if (gone) {
        runs.get(pod.metadata.uid)?.run.end(0).catch(report("killing", pod));
        runs.delete(pod.metadata.uid);
      } else if (pod.spec.nodeName === nodeName) see(pod);
      else if (pod.spec.nodeName === undefined && pod.metadata.deletionTimestamp === undefined)
        bind(api, pod, nodeName).catch(report("binding", pod));
    },
    refresh(namespace) {
      for (const { pod, run } of runs.values())
        if (namespace === undefined || namespace === pod.metadata.namespace)
          run.refresh().catch(report("volumes of", pod));
    },
    signal({ namespace, name }, signal) {
      const found = [...runs.values()].find(
        ({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name,
      );
      if (!found) throw new Error(`no pod ${namespace}/${name} is on this node`);
      found.run.signal(signal);
    },
    writeHosts(pods) {
      for (const { pod, run, folder } of runs.values())
        writeHosts(folder, hostsOf(pod, run.podIp, objects.services(), pods));
    },
  };
}

function begin(pod: Pod, options: PodRunsOptions): Running {
  const { api, objects, network, nodeName, folders } = options;
  const folder = join(folders.pods, pod.metadata.uid);
  mkdirSync(join(folder, "hosts"), { recursive: true });
  const podIp = pod.spec.hostNetwork === true ? network.nodeIp : network.nextPodIp();
  writeHosts(folder, hostsOf(pod, podIp, objects.services(), []));
  const run = startPod(pod, {
    api,
    objects,
    place: { podIp, nodeName, nodeIp: network.nodeIp },
    folder,
    mountPoint: folders.root,
    logFile: (container) => logFileOf(folders.logs, pod.metadata, container),
    claimFolder: options.claimFolder,
  });
  return { pod, run, folder };
}

/** Changed by a rename, so that nobody reads half of it. */
function writeHosts(folder: string, text: string): void {
  const file = join(folder, "hosts", "hosts");
  try {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  } catch {
    // The pod has been removed.
  }
}

/** The whole scheduler. */
async function bind(api: Api, { metadata }: Pod, nodeName: string): Promise<void> {
  await api.request({
    method: "POST",
    path: `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/binding`,
    body: {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: metadata.name, uid: metadata.uid },
      target: { apiVersion: "v1", kind: "Node", name: nodeName },
    },
  });
}
