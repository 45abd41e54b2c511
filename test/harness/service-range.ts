/** The cluster IPs of one control plane: loopback addresses that no other control plane on this machine gives to Services. */
import { createServer, type Server } from "node:net";

export interface ServiceRange {
  /** Such as `127.96.7.0/24`. */
  readonly cidr: string;
  /** The address of the API server's own Service: the first of the range. */
  readonly first: string;
  release(): void;
}

const port = 10_250;

/**
 * Takes one of the 256 ranges below 127.96.0.0/16 by listening on its last address until it is released or this process
 * ends. Throws when all are taken.
 */
export async function takeServiceRange(): Promise<ServiceRange> {
  for (let third = 0; third < 256; third++) {
    const taken = await listen(`127.96.${third}.254`);
    if (taken) return { cidr: `127.96.${third}.0/24`, first: `127.96.${third}.1`, release: () => void taken.close() };
  }
  throw new Error("256 control planes run on this machine");
}

function listen(host: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(undefined));
    server.listen(port, host, () => resolve(server.unref()));
  });
}
