import { statfs } from "node:fs/promises";

/**
 * File systems over a network, by the magic number of statfs(2): memory maps and locks of other machines are not seen
 * there, so that two processes would write over each other.
 */
const network: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x517b, "SMB"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x01021997, "9P"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
]);

/** The name of the network file system that has this statfs type; undefined for one of this machine. */
export function networkFileSystem(type: number): string | undefined {
  return network.get(type >>> 0);
}

/** The name of the network file system that a folder lies on; undefined when it is one of this machine. */
export async function networkFileSystemOf(folder: string): Promise<string | undefined> {
  return networkFileSystem((await statfs(folder)).type);
}
