/** The addresses of one kubelet: a /16 of loopback that no other on this machine has. */
import { serveLogs } from "./log-server.ts";

export interface Network {
  readonly nodeIp: string;
  readonly nodePort: number;
  /** An address that no pod has had. */
  nextPodIp(): string;
}

const kubeletPort = 10_250;

/** Takes a network by listening on its first address, where the logs in `folder` are served. Throws when all are taken. */
export async function takeNetwork(folder: string): Promise<Network> {
  for (let second = 128; second < 192; second++) {
    const nodeIp = `127.${second}.0.1`;
    if (!(await serveLogs(folder, nodeIp, kubeletPort))) continue;
    let pods = 0;
    return {
      nodeIp,
      nodePort: kubeletPort,
      nextPodIp() {
        pods += 1;
        return `127.${second}.${1 + Math.floor(pods / 250)}.${1 + (pods % 250)}`;
      },
    };
  }
  throw new Error("64 kubelets run on this machine");
}
