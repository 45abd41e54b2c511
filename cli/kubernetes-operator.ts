import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Registry } from "prom-client";
import type { Api } from "../cluster/kubernetes/api.ts";
import { startElector, type Elector } from "../cluster/kubernetes/elector.ts";
import { createRecorder, type Recorder } from "../cluster/kubernetes/events.ts";
import { fenced } from "../cluster/kubernetes/fenced.ts";
import { openKubernetes, type KubernetesCluster } from "../cluster/kubernetes/kubernetes.ts";
import { apiVersionOf } from "../cluster/kubernetes/resources.ts";
import type { Kind } from "../cluster/object.ts";
import { keptOf } from "../operator/kept.ts";
import { startOperator, type Operator } from "../operator/operator.ts";
import type { NoteSink } from "../operator/tell.ts";
import { elapsed, systemClock } from "../runtime/clock.ts";
import type { Readiness } from "../runtime/http.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { startAdmin } from "./admin.ts";
import { openApiServer } from "./contract-source.ts";
import { authoritativeOf, resolverOf } from "./fleet-resources.ts";
import type { Fleet } from "./fleet.ts";
import { followListenerTrust, type ListenerTrust } from "./listener-trust.ts";
import { operatorSettings } from "./operator-settings.ts";
import { usageFromRelays } from "./relay-usage.ts";
import type { Starting } from "./run-parts.ts";

export interface KubernetesOperator {
  readonly fleet: Fleet;
  /** Where contracts, keys and records live. */
  readonly contractNamespace: string;
  /** Where the Lease is, and the relays that tell what tenants have used. */
  readonly ownNamespace: string;
  /** Labels of those relays. */
  readonly relaySelector: string;
  /** File of the token that these are shown; where the chart mounts it when absent. */
  readonly usageToken?: string;
  /** Milliseconds between a custom resource's being gone and the end of what it left behind; an hour when absent. */
  readonly orphanGrace?: number;
  readonly kubeconfig?: string;
  /** Folder of the listeners' certificate: credentials name what clients must trust to verify it. */
  readonly tlsDir?: string;
  /** Namespaces to look at; every one when absent. */
  readonly tenantNamespaces?: readonly string[];
  /** Whether several may run, of which one works. */
  readonly leaderElection: boolean;
  /** What to call this process; the host's name when absent. */
  readonly identity?: string;
  /**
   * Ends the process at once, with exit code 1: it does not lead any more. That is the one way to be sure that nothing it had
   * begun goes on when the next leader begins; it is started anew with an empty head, and stands by.
   */
  readonly deposed: () => void;
}

/** Name of the Lease, as the chart's Role has it. */
const leaseName = "posthouse-operator";

/** Started, but maybe not working: `stop` ends what there is. */
interface Leadership {
  /** Who leads, for people. */
  readonly note: () => string;
  /** Whether it works at this very moment. */
  readonly isLeading: () => boolean;
  readonly stop: () => Promise<void>;
}

/** What the parts share. */
interface Shared {
  readonly api: Api;
  readonly metrics: Registry;
  readonly identity: string;
  readonly cluster: KubernetesCluster;
  readonly recorder: Recorder;
  readonly trust?: ListenerTrust;
}

/**
 * Starts an operator on an API server: the admin port first, then the caches, which a standby keeps warm too, then the
 * election, and the work once that is won.
 */
export async function startKubernetesOperator(options: KubernetesOperator, starting: Starting): Promise<void> {
  const { fleet, contractNamespace, tenantNamespaces } = options;
  const { log, started, stopping } = starting;
  const metrics = createMetrics();
  const api = await openApiServer(options, { log, metrics });
  started({ name: "API server", stop: () => api.close() });
  let leadership: Leadership | undefined;
  const admin = await startAdmin(fleet, {
    readiness: () => readiness(leadership),
    metrics: () => Promise.resolve(metrics),
  });
  started({ name: "admin", stop: () => admin.stop() });
  log.info({ host: admin.host, port: admin.port }, "/healthz, /readyz and /metrics are served");
  const writer = fenced(api, () => !options.leaderElection || leadership?.isLeading() === true);
  const cluster = await openKubernetes({
    api: writer,
    clock: systemClock,
    log: log.child({ part: "cluster" }),
    random: Math.random,
    scope: tenantNamespaces === undefined ? { kind: "Cluster" } : { kind: "Namespaces", namespaces: tenantNamespaces },
    contractNamespace,
    kinds: kindsFor(fleet),
    keep: keptOf,
    signal: stopping,
  });
  started({ name: "cluster", stop: () => cluster.close() });
  // Two processes of one name must not take each other for themselves.
  const identity = `${options.identity ?? hostname()}_${randomBytes(4).toString("hex")}`;
  const recorder = createRecorder({
    api: writer,
    controller: "posthouse.dev/operator",
    instance: identity,
    clock: systemClock,
    log: log.child({ part: "events" }),
    metrics,
  });
  const trust = await trustOf(options, starting);
  const shared = { api, metrics, identity, cluster, recorder, ...(trust && { trust }) };
  leadership = options.leaderElection ? seek(options, starting, shared) : lead(options, starting, shared);
  const { stop } = leadership;
  started({ name: "operator", stop });
  log.info("ready: every list is complete");
}

async function trustOf({ tlsDir }: KubernetesOperator, { log, started }: Starting): Promise<ListenerTrust | undefined> {
  if (tlsDir === undefined) return undefined;
  const trust = await followListenerTrust({ folder: tlsDir, clock: systemClock, log });
  started({ name: "listeners' certificate", stop: () => trust.stop() });
  return trust;
}

/** DNSEndpoints are looked at only where somebody may publish: nobody needs to be allowed to otherwise. */
function kindsFor({ dnsAutomation }: Fleet): readonly Kind[] {
  const kinds: readonly Kind[] = ["RelayTenant", "SendingDomain", "Secret", "ConfigMap"];
  return dnsAutomation.length > 0 ? [...kinds, "DNSEndpoint"] : kinds;
}

function readiness(leadership: Leadership | undefined): Readiness {
  if (leadership === undefined) return { ready: false, reasons: ["the API server has not told all objects yet"] };
  return { ready: true, reasons: [], notes: [leadership.note()] };
}

/** Works without asking anybody. */
function lead(options: KubernetesOperator, starting: Starting, shared: Shared): Leadership {
  const operator = work(options, starting, shared);
  return {
    note: () => "leading without election",
    isLeading: () => true,
    async stop() {
      await operator.stop();
      await shared.recorder.stop();
    },
  };
}

/** Works when elected, until the end: who is deposed never works again. */
function seek(options: KubernetesOperator, starting: Starting, shared: Shared): Leadership {
  const { api, metrics, identity, recorder } = shared;
  let operator: Operator | undefined;
  let isEnding = false;
  const elector: Elector = startElector({
    api,
    namespace: options.ownNamespace,
    name: leaseName,
    identity,
    clock: systemClock,
    elapsed,
    random: Math.random,
    log: starting.log.child({ part: "election" }),
    metrics,
    onStartedLeading() {
      if (!isEnding) operator = work(options, starting, shared);
    },
    onStoppedLeading: options.deposed,
  });
  return {
    isLeading: () => elector.isLeading(),
    note: () => (elector.isLeading() ? "leading" : `standing by; ${elector.holder() || "nobody"} leads`),
    async stop() {
      isEnding = true;
      // The Lease is given back when nothing is under way any more, not before.
      await operator?.stop();
      await recorder.stop();
      await elector.stop();
    },
  };
}

function work(
  { fleet, contractNamespace, ownNamespace, relaySelector, usageToken, orphanGrace }: KubernetesOperator,
  { log }: Starting,
  { api, metrics, cluster, recorder, trust }: Shared,
): Operator {
  const clock = systemClock;
  const resolver = resolverOf(fleet);
  const authoritative = authoritativeOf(fleet, resolver);
  const certificates = trust?.current();
  const operator = startOperator({
    cluster,
    resolver,
    ...(authoritative && { authoritative }),
    usage: usageFromRelays({
      api,
      namespace: ownNamespace,
      labelSelector: relaySelector,
      ...(usageToken !== undefined && { tokenFile: usageToken }),
      clock,
      random: Math.random,
    }),
    clock,
    log: log.child({ part: "operator" }),
    random: Math.random,
    settings: operatorSettings(fleet, {
      contractNamespace,
      ...(certificates !== undefined && { trust: certificates }),
      ...(orphanGrace !== undefined && { orphanGrace }),
    }),
    metrics,
    hasEndpoints: (namespace) => cluster.isListed("DNSEndpoint", namespace),
    isListed: (kind, namespace) => cluster.isCurrent(kind, namespace),
    onNote: eventsOf(recorder),
  });
  trust?.follow((changed) => operator.trust(changed));
  return operator;
}

/** Notes as Events beside the objects that they are about. */
function eventsOf({ record }: Recorder): NoteSink {
  return ({ kind, namespace, name, uid }, action, { level, reason, message }) =>
    record({
      regarding: { apiVersion: apiVersionOf(kind), kind, namespace, name, ...(uid !== undefined && { uid }) },
      type: level === "warn" ? "Warning" : "Normal",
      reason,
      action,
      note: message,
    });
}
