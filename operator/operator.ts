import type { Registry } from "prom-client";
import type { CustomObject } from "../cluster/object.ts";
import type { Cluster } from "../cluster/port.ts";
import { domainContractName, tenantKey } from "../contract/names.ts";
import type { UsageSource } from "../contract/usage.ts";
import type { AuthoritativeResolver } from "../net/authoritative.ts";
import type { Resolver } from "../net/resolver.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Submission } from "./action.ts";
import type { ApplyContext } from "./apply.ts";
import { createController, ownerOf, ownerText, type Controller } from "./controllers.ts";
import { tenantStatusOf } from "./custom-objects.ts";
import { createDnsChecks } from "./dns-checks.ts";
import { makeKeyPair } from "./key-pair.ts";
import { createOperatorMetrics, registerOldKeyMetric, registerOrphanMetrics, type OperatorLoad } from "./metrics.ts";
import { createOrphanWatch, type OrphanWatch } from "./orphan-watch.ts";
import { createQueueMetrics } from "./queue-metrics.ts";
import { createRelations, type Concerned, type SharedContract } from "./relations.ts";
import { oldKeyInUse } from "./relay-tenant/old-keys.ts";
import { allowsOwnDomains } from "./relay-tenant/shared-domain.ts";
import type { OperatorSettings } from "./settings.ts";
import { createTell, type NoteSink } from "./tell.ts";
import { createUsagePull, type UsagePull } from "./usage-pull.ts";
import { createWorkQueue, mostAtOnce, type WorkQueue } from "./work-queue.ts";

export interface OperatorOptions {
  readonly cluster: Cluster;
  readonly resolver: Resolver;
  /** Asks every authoritative server of the records of domains; the resolver is asked for them when absent. */
  readonly authoritative?: AuthoritativeResolver;
  readonly usage: UsageSource;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly settings: OperatorSettings;
  readonly metrics?: Registry;
  /** Whether a namespace has DNSEndpoints, which are ExternalDNS's; none has when absent. */
  readonly hasEndpoints?: (namespace: string) => boolean;
  /** Told of what happens to objects, beside the log. */
  readonly onNote?: NoteSink;
  /** Whether a list is complete and authorised now; always when absent. */
  readonly isListed?: (kind: "RelayTenant" | "SendingDomain", namespace: string) => boolean;
}

export interface Operator {
  /** Asks the DNS about every domain now, and the relays about everybody's usage. */
  readonly checkNow: () => void;
  /** Has credentials name other certificates to trust (PEM), or none. */
  readonly trust: (certificates: string | undefined) => void;
  /** Ends all work; resolves when what was begun is done. */
  readonly stop: () => Promise<void>;
}

type Writable<T> = { -readonly [field in keyof T]: T[field] };

/** Custom resources worked on at once, see `mostAtOnce`: so many that keys are made all the time, while others wait for the API server. */
const inFlight = 16;

/** Within so long a tenant hears of its domains: the keys of some dozens may have been made meanwhile. Milliseconds. */
const gathering = 1000;

/** Contracts and records last, so that by then it is known whom they concern. */
const kinds = ["RelayTenant", "SendingDomain", "Secret", "ConfigMap", "DNSEndpoint"] as const;

/**
 * Starts the operator: every change in the cluster names the custom resources that it may concern, and each of these is
 * observed, planned and applied anew. It knows levels only; what it missed while it was away it finds in the first round.
 */
export function startOperator(given: OperatorOptions): Operator {
  const { cluster, clock, log } = given;
  // What clients must trust may change while everything else stays.
  const submission: Writable<Submission> = { ...given.settings.submission };
  const settings = { ...given.settings, submission };
  const options = { ...given, settings };
  const relations = createRelations(cluster, settings.contractNamespace, sharedContract(settings));
  const queue = createQueue(options, (key) => controller(key));
  const checks = createDnsChecks({
    ...options,
    pace: settings.dns,
    onEvidence: queue.goOn,
    onError: (text, err) => log.error({ object: ownerOf(text), err }, "a DNS check broke"),
    inFlight: 16,
  });
  const wakeTenants = (names: readonly string[]): void => names.forEach((name) => queue.add(`RelayTenant/${name}`));
  const pull = createPull(options, wakeTenants);
  const context: ApplyContext = { cluster, clock, submission, makeKeyPair, unanswered: new Set() };
  const orphans = createOrphans(options);
  const metrics = options.metrics && createOperatorMetrics(options.metrics, loadOf(queue));
  const controller = createController(
    { ...options, tell: createTell(options), relations, checks, pull, orphans, context },
    metrics,
  );
  const unwatch = cluster.watch(kinds, (key) => {
    wake(queue, relations.changed(key));
    wake(queue, orphans.concerned(key));
  });

  return {
    checkNow() {
      checks.checkNow();
      void pull.pull();
    },
    trust(certificates) {
      if (submission.certificates === certificates) return;
      if (certificates === undefined) delete submission.certificates;
      else submission.certificates = certificates;
      wakeTenants(tenantsOf(cluster));
    },
    async stop() {
      unwatch();
      pull.stop();
      await Promise.all([checks.stop(), queue.stop()]);
    },
  };
}

function tenantsOf(cluster: Cluster): readonly string[] {
  return cluster.list("RelayTenant").map(({ metadata }) => tenantKey(metadata.namespace, metadata.name));
}

function createPull(
  { cluster, clock, log, usage, settings }: OperatorOptions,
  onChange: (tenants: readonly string[]) => void,
): UsagePull {
  return createUsagePull({
    source: usage,
    clock,
    interval: settings.usageInterval ?? 30_000,
    tenants: () => tenantsOf(cluster),
    onChange,
    onUnavailable: (err) => log.warn({ err }, "usage cannot be pulled"),
    onAvailable: () => log.info("usage is pulled again"),
  });
}

function createOrphans(options: OperatorOptions): OrphanWatch {
  const { cluster, metrics, settings } = options;
  const orphans = createOrphanWatch({
    ...options,
    contractNamespace: settings.contractNamespace,
    ...(settings.orphanGrace !== undefined && { grace: settings.orphanGrace }),
  });
  if (metrics) registerOrphanMetrics(metrics, orphans.counts);
  if (metrics) registerOldKeyMetric(metrics, () => cluster.list("RelayTenant").filter(tellsOfOldKey).length);
  return orphans;
}

function wake(queue: WorkQueue, owners: readonly Concerned[]): void {
  for (const owner of owners)
    if (owner.mayWait) queue.addWithin(ownerText(owner), gathering);
    else queue.add(ownerText(owner));
}

function sharedContract({ sharedDomain, plans }: OperatorSettings): SharedContract | undefined {
  if (sharedDomain === undefined) return undefined;
  const isUsedBy = (plan: string): boolean => Object.hasOwn(plans, plan) && !allowsOwnDomains(plans[plan]);
  return { name: domainContractName(sharedDomain.domain), isUsedBy };
}

function tellsOfOldKey(object: CustomObject<"RelayTenant">): boolean {
  return tenantStatusOf(object)?.conditions?.some(({ reason }) => reason === oldKeyInUse) ?? false;
}

function goesFirst(kind: string): boolean {
  return kind === "RelayTenant";
}

function loadOf({ depth, running }: WorkQueue): OperatorLoad {
  return {
    depth,
    active: (kind) => [...running()].filter((text) => ownerOf(text).kind === kind).length,
    most: (kind) => mostAtOnce(inFlight, goesFirst(kind)),
  };
}

function createQueue({ cluster, clock, random, log, metrics }: OperatorOptions, controller: Controller): WorkQueue {
  return createWorkQueue({
    work: (text) => controller(ownerOf(text)),
    onError: (text, err, retryAfter) => log.error({ object: ownerOf(text), err, retryAfter }, "will try again"),
    clock,
    random,
    inFlight,
    // Anybody can make SendingDomains, and a key takes a while to make: suspending and revoking wait for none of that,
    goesFirst: (text) => goesFirst(ownerOf(text).kind),
    // nor for what could not be done as the spec was before.
    versionOf(text) {
      const { uid, generation } = cluster.get(ownerOf(text))?.metadata ?? {};
      return `${uid} ${generation}`;
    },
    ...(metrics && { observer: createQueueMetrics(metrics, "operator", clock) }),
    firstRetry: 200,
    longestRetry: 60_000,
  });
}
