import type { CertificateFiles } from "../relay/session/certificate.ts";
import type { Fleet } from "./fleet.ts";

/** Of which share of a limit nothing is left still allows one. */
function share(limit: number, workers: number): number {
  return Math.max(1, Math.floor(limit / workers));
}

/**
 * The fleet file as one of its workers reads it: of what limits this process as a whole it has its share, so that all of
 * them together keep the limit. A message of full size fits into each. `certificate`: the files that are in use.
 */
export function shareOfWorker(fleet: Fleet, certificate: CertificateFiles): Fleet {
  const { workers, limits, delivery } = fleet;
  return {
    ...fleet,
    tls: { certificateFile: certificate.certificateFile, keyFile: certificate.keyFile },
    limits: {
      ...limits,
      connections: share(limits.connections, workers),
      connectionsPerAddress: share(limits.connectionsPerAddress, workers),
      bufferedBytes: Math.max(limits.messageBytes, share(limits.bufferedBytes, workers)),
    },
    delivery: {
      ...delivery,
      concurrency: share(delivery.concurrency, workers),
      bufferedBytes: share(delivery.bufferedBytes, workers),
      connectionsPerHop: share(delivery.connectionsPerHop, workers),
    },
  };
}
