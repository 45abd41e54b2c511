import type { Registry } from "prom-client";
import type { Cluster } from "../cluster/port.ts";
import { defaultContractNamespace } from "../contract/names.ts";
import { addressGuard } from "../net/address-guard.ts";
import { cachedResolver, mailCacheLimits } from "../net/dns-cache.ts";
import { startCapturePruning } from "../relay/delivery/capture-pruning.ts";
import { startDeliverer } from "../relay/delivery/deliverer.ts";
import { watchDirectory } from "../relay/directory/watch.ts";
import type { EventSink } from "../relay/event/event.ts";
import type { Certificate } from "../relay/session/certificate.ts";
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
  readonly store: Store;
  readonly resolver: Resolver;
  readonly certificate: Certificate;
  /** PEM of authorities that smarthosts are verified by; Node's own when absent. */
  readonly authorities?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly events: EventSink;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
}

/** Starts the relay: contracts, keys, delivery, and last the listeners. Rejects with ListenError when a port is taken. */
export async function startRelay(parts: RelayParts): Promise<void> {
  const { fleet, cluster, store, clock, started, events } = parts;
  const log = parts.log.child({ part: "relay" });
  const directory = watchDirectory({ cluster, contractNamespace: defaultContractNamespace, clock, log });
  started({ name: "directory", stop: async () => directory.stop() });
  const keyRing = createKeyRing(cluster, defaultContractNamespace);
  started({ name: "keys", stop: async () => keyRing.close() });
  const deliverer = startDeliverer({
    spool: store.spool,
    captures: store.captures,
    directory: directory.current,
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
  const stopPruning = startCapturePruning({
    captures: store.captures,
    limits: { retention: parseDuration(fleet.capture.retention), maxMessages: fleet.capture.maxMessages },
    clock,
    log,
  });
  started({ name: "capture pruning", stop: stopPruning });
  const submission = await startSubmission({
    listeners: fleet.listeners,
    tls: parts.certificate,
    limits: readLimits(fleet.limits),
    hostname: fleet.hostname,
    directory: directory.current,
    spool: waking(store.spool, () => deliverer.wake()),
    ledger: store.ledger,
    clock,
    log,
    events,
  });
  started({ name: "submission", stop: () => submission.stop() });
  for (const [name, { address, port }] of submission.addresses)
    log.info({ listener: name, address, port }, "listening");
}

/** The spool as the submission sees it: what it accepts is looked at without waiting for the deliverer's next round. */
function waking(spool: Spool, wake: () => void): Spool {
  return {
    ...spool,
    async accept(message) {
      const result = await spool.accept(message);
      wake();
      return result;
    },
  };
}
