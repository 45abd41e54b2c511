import type { Cluster } from "../cluster/port.ts";
import { tenantKey } from "../contract/names.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ApplyContext } from "./apply.ts";
import type { DnsChecks } from "./dns-checks.ts";
import { firstPatience } from "./first-answers.ts";
import type { OperatorMetrics } from "./metrics.ts";
import type { OrphanWatch } from "./orphan-watch.ts";
import type { Plan } from "./plan.ts";
import { reconcile } from "./reconcile.ts";
import type { OwnerKey, Relations } from "./relations.ts";
import { observeGoneTenant, observeTenant } from "./relay-tenant/observe.ts";
import { planGoneTenant, planTenant } from "./relay-tenant/plan.ts";
import { observeDomain, observeGoneDomain } from "./sending-domain/observe.ts";
import type { ObservedGoneDomain } from "./sending-domain/observed.ts";
import { planOrphanedClaim } from "./sending-domain/orphaned-claim.ts";
import { planDomain, planGoneDomain } from "./sending-domain/plan.ts";
import type { OperatorSettings } from "./settings.ts";
import type { Tell } from "./tell.ts";
import type { UsagePull } from "./usage-pull.ts";

const threeDays = 72 * 3_600_000;

/** What the two controllers work with. */
export interface ControllerParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly tell: Tell;
  readonly settings: OperatorSettings;
  readonly relations: Relations;
  readonly checks: DnsChecks;
  readonly pull: UsagePull;
  readonly orphans: OrphanWatch;
  readonly context: ApplyContext;
  /** Whether a namespace has DNSEndpoints; none has when absent. */
  readonly hasEndpoints?: (namespace: string) => boolean;
}

/** Brings what belongs to one custom resource to what it should be; resolves to milliseconds after which to look again. */
export type Controller = (key: OwnerKey) => Promise<number | undefined>;

/** The controllers of both kinds, each counted and timed. */
export function createController(parts: ControllerParts, metrics?: OperatorMetrics): Controller {
  const { clock } = parts;
  return async (key) => {
    const startedAt = clock.now();
    const took = (): number => Math.max(0, clock.now() - startedAt) / 1000;
    try {
      const next = await (key.kind === "RelayTenant" ? workOnTenant(key, parts) : workOnDomain(key, parts));
      metrics?.reconciled(key.kind, next === undefined ? "success" : "requeue_after", took());
      return next;
    } catch (error) {
      metrics?.reconciled(key.kind, "error", took());
      throw error;
    }
  };
}

async function workOnTenant(key: OwnerKey, parts: ControllerParts): Promise<number | undefined> {
  const { cluster, clock, settings, relations } = parts;
  const { namespace, name } = key;
  const { contractNamespace, plans, submission, sharedDomain } = settings;
  const sources = { cluster, relations, contractNamespace, plans, submission, ...(sharedDomain && { sharedDomain }) };
  const there = cluster.get(key) !== undefined;
  const usage = there ? await parts.pull.of(tenantKey(namespace, name)) : { kind: "Unavailable" as const };
  if (usage === undefined) return undefined;
  const makePlan = () => {
    const observed = observeTenant(sources, namespace, name, usage);
    if (observed === undefined)
      return parts.orphans.gate(key, planGoneTenant(observeGoneTenant(sources, namespace, name)));
    parts.orphans.seen(key);
    return planTenant(observed, clock.now());
  };
  return reconcile(key, makePlan, parts.context, parts.tell);
}

async function workOnDomain(key: OwnerKey, parts: ControllerParts): Promise<number | undefined> {
  const { cluster, clock, settings, relations, checks } = parts;
  const { namespace, name } = key;
  const { contractNamespace, spfInclude, dns: timing, longestMessageAge = threeDays } = settings;
  const { dnsAutomation = [] } = settings;
  const { hasEndpoints } = parts;
  const sources = {
    cluster,
    relations,
    settings: {
      contractNamespace,
      plans: settings.plans,
      spfInclude,
      timing,
      longestMessageAge,
      dnsAutomation,
      ...(hasEndpoints && { hasEndpoints }),
    },
  };
  const text = ownerText(key);
  let isFirst = false;
  const makePlan = () => {
    const observed = observeDomain(sources, namespace, name, checks.evidence(text));
    if (observed === undefined)
      return goneDomainPlan(key, observeGoneDomain(sources, namespace, name, checks.evidence(text)), parts);
    parts.orphans.seen(key);
    // Nobody has been told anything of a new claim yet: what the DNS says of it is told in the same breath.
    isFirst = observed.status?.records === undefined && checks.first.isAwaited(text);
    const plan = planDomain({ ...observed, isFirst }, clock.now());
    if (plan.actions.length === 0) checks.schedule(text, plan.dns);
    return plan;
  };
  const next = await reconcile(key, makePlan, parts.context, parts.tell);
  // The answer comes by itself: nobody's turn is taken up by a name server that is slow.
  return isFirst ? firstPatience : next;
}

/** What to do about a claim whose SendingDomain is gone: what it left goes when it may, and is watched until then. */
function goneDomainPlan(key: OwnerKey, gone: ObservedGoneDomain, parts: ControllerParts): Plan<never> {
  const { checks, clock, orphans } = parts;
  const gated = orphans.gate(key, planGoneDomain(gone));
  if (gated.actions.length > 0) return gated;
  const watched = gone.claims.map((claim) => planOrphanedClaim(claim, clock.now()));
  const actions = watched.flatMap((plan) => plan.actions);
  const questions = watched.flatMap(({ dns }) => dns ?? []);
  const [first] = questions;
  if (first === undefined) checks.forget(ownerText(key));
  else if (actions.length === 0)
    checks.schedule(ownerText(key), {
      names: questions.flatMap(({ names }) => names),
      zone: first.zone,
      checkAt: Math.min(...questions.map(({ checkAt }) => checkAt)),
    });
  return { ...gated, actions, notes: watched.flatMap(({ notes }) => notes) };
}

/** A key as queues hold it: `Kind/namespace/name`. */
export function ownerText({ kind, namespace, name }: OwnerKey): string {
  return `${kind}/${namespace}/${name}`;
}

/** The key that {@link ownerText} wrote. */
export function ownerOf(text: string): OwnerKey {
  const [kind, namespace = "", name = ""] = text.split("/");
  return { kind: kind === "RelayTenant" ? "RelayTenant" : "SendingDomain", namespace, name };
}
