import type { Registry } from "prom-client";
import type { Cluster } from "../cluster/port.ts";
import { addressGuard } from "../net/address-guard.ts";
import { cachedResolver, mailCacheLimits } from "../net/dns-cache.ts";
import { startCapturePruning } from "../relay/delivery/capture-pruning.ts";
import { startDeliverer } from "../relay/delivery/deliverer.ts";
import { leaseMetrics } from "../relay/delivery/lease-metrics.ts";
import { startQueueMetrics } from "../relay/delivery/queue-metrics.ts";
import type { Directory } from "../relay/directory.ts";
import { watchDirectory } from "../relay/directory/watch.ts";
import type { EventSink } from "../relay/event/event.ts";
import type { Certificate } from "../relay/session/certificate.ts";
import { watchCertificate } from "../relay/session/certificate-renewal.ts";
import { readLimits } from "../relay/session/config.ts";
import { startSubmission } from "../relay/session/submission.ts";
import { createKeyRing } from "../relay/sign/key-ring.ts";
import { createSigner } from "../relay/sign/signer.ts";
import type { Spool } from "../relay/store/spool.ts";
import type { Store } from "../relay/store/store.ts";
import type { Resolver } from "../net/resolver.ts";
import type { Clock } from "../runtime/clock.ts";
import { parseDuration } from "../runtime/duration.ts";
import type { Logger } from "../runtime/log.ts";
import type { Part } from "../runtime/shutdown.ts";
import type { Fleet } from "./fleet.ts";

export interface RelayParts {
  readonly fleet: Fleet;
  readonly cluster: Cluster;
  /** Where contracts and keys are read. */
  readonly contractNamespace: string;
  /** Milliseconds since they were last heard of; absent where they lie on the same machine. */
  readonly contractsAge?: (() => number) | undefined;
  readonly store: Store;
  readonly resolver: Resolver;
  readonly certificate: Certificate;
  /** Reads the certificate anew. */
  readonly loadCertificate: () => Promise<Certificate>;
  /** PEM of authorities that smarthosts are verified by; Node's own when absent. */
  readonly authorities?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventSink;
  readonly metrics: Registry;
  /** Tells how old what waits is: of the processes that one address tells about, one does. */
  readonly looksAtQueue: boolean;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
}

/** Starts the relay: contracts, keys, delivery, and last the listeners. Rejects with ListenError when a port is taken. */
export async function startRelay(parts: RelayParts): Promise<void> {
  const { cluster, contractNamespace, clock, started } = parts;
  const log = parts.log.child({ part: "relay" });
  const directory = watchDirectory({ cluster, contractNamespace, clock, log });
  started({ name: "directory", stop: async () => directory.stop() });
  const wake = startDelivery({ ...parts, log }, directory.current);
  await startFront({ ...parts, log }, directory.current, wake);
}

/** Starts what takes mail out of the spool. Returns what tells it that there is something new. */
function startDelivery(parts: RelayParts, directory: () => Directory): () => void {
  const { fleet, cluster, store, clock, log, started, events } = parts;
  const keyRing = createKeyRing(cluster, parts.contractNamespace);
  started({ name: "keys", stop: async () => keyRing.close() });
  const deliverer = startDeliverer({
    spool: store.spool,
    captures: store.captures,
    captureOctets: fleet.capture.maxOctets,
    directory,
    signer: createSigner({ keyRing, pause: () => clock.sleep(0) }),
    resolver: cachedResolver(parts.resolver, clock, mailCacheLimits),
    guard: addressGuard(fleet.delivery.allowNetworks),
    hostname: fleet.hostname,
    ca: parts.authorities,
    config: fleet.delivery,
    clock,
    random: Math.random,
    log,
    events,
  });
  started({ name: "deliverer", stop: () => deliverer.stop() });
  leaseMetrics(parts.metrics, deliverer, clock);
  if (parts.looksAtQueue)
    started({
      name: "queue metrics",
      stop: startQueueMetrics({ queue: store.queue, clock, log, registry: parts.metrics }),
    });
  const { maxMessages, maxOctets } = fleet.capture;
  const limits = { retention: parseDuration(fleet.capture.retention), maxMessages, maxOctets };
  const stopPruning = startCapturePruning({ captures: store.captures, limits, clock, log });
  started({ name: "capture pruning", stop: stopPruning });
  return () => deliverer.wake();
}

/** Starts what puts mail into the spool. */
async function startFront(parts: RelayParts, directory: () => Directory, wake: () => void): Promise<void> {
  const { fleet, store, clock, log, started, events } = parts;
  const submission = await startSubmission({
    listeners: fleet.listeners,
    tls: parts.certificate,
    limits: readLimits(fleet.limits),
    hostname: fleet.hostname,
    directory,
    contractsAge: parts.contractsAge,
    spool: waking(store.spool, wake),
    ledger: store.ledger,
    clock,
    log,
    events,
  });
  started({ name: "submission", stop: () => submission.stop() });
  const unwatch = watchCertificate({
    load: parts.loadCertificate,
    current: parts.certificate,
    onRenewed: (certificate) => submission.reloadCertificate(certificate),
    clock,
    log,
  });
  started({ name: "certificate", stop: async () => unwatch() });
  for (const [name, { address, port }] of submission.addresses)
    log.info({ listener: name, address, port }, "listening");
}

/** The spool as the submission sees it: what it accepts is looked at without waiting for the deliverer's next round. */
function waking(spool: Spool, wake: () => void): Spool {
  return {
    ...spool,
    async accept(message) {
      const result = await spool.accept(message);
      if (typeof result === "string" && result !== "Exhausted") wake();
      return result;
    },
  };
}
