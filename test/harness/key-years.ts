import { createHash } from "node:crypto";
import type { SendingDomainSpec, SendingDomainStatus } from "../../crds/sending-domain.ts";
import { decodeDomainContract } from "../../contract/codec.ts";
import { domainContractName } from "../../contract/names.ts";
import { applyAction, type ApplyContext } from "../../operator/apply.ts";
import type { DomainPlan } from "../../operator/sending-domain/plan.ts";
import { planDomain, planGoneDomain } from "../../operator/sending-domain/plan.ts";
import type { Note, Plan } from "../../operator/plan.ts";
import { createRelations } from "../../operator/relations.ts";
import { foldAgreement, foldAnswer, noEvidence, type DomainEvidence } from "../../operator/sending-domain/evidence.ts";
import { observeDomain, observeGoneDomain, type DomainSources } from "../../operator/sending-domain/observe.ts";
import type { DomainSettings } from "../../operator/sending-domain/observed.ts";
import { createMemoryCluster } from "./memory-cluster.ts";
import { createSimulatedZone, type SimulatedZone } from "./simulated-zone.ts";

export const hour = 3_600_000;

/** A SendingDomain of the simulation, there or deleted. */
export interface SimulatedClaim {
  readonly namespace: string;
  readonly name: string;
  readonly domain: string;
  readonly zone: SimulatedZone;
  /** How often the fleet checks it when all is well, in milliseconds. */
  readonly checkInterval: number;
  evidence: DomainEvidence;
  /** Counts the checks that were scheduled, so that only the last one of them is carried out. */
  turn: number;
  gone: boolean;
}

/** The operator's plans on objects in memory, with a clock of its own and zones instead of DNS. */
export interface KeyYears {
  /** The time that passes. */
  now: number;
  /** How far the operator's clock is off. */
  clockError: number;
  readonly at: (time: number, run: () => Promise<void> | void) => void;
  /** Runs everything that is due until then. */
  readonly runUntil: (end: number) => Promise<void>;
  readonly addClaim: (
    claim: Pick<SimulatedClaim, "namespace" | "domain" | "zone" | "checkInterval">,
    spec: SendingDomainSpec,
  ) => SimulatedClaim;
  readonly change: (claim: SimulatedClaim, spec: SendingDomainSpec | undefined, rotate?: string) => Promise<void>;
  /** Plans and applies until nothing is left to do. */
  readonly settle: (claim: SimulatedClaim) => Promise<void>;
  readonly statusOf: (claim: SimulatedClaim) => SendingDomainStatus | undefined;
  readonly specOf: (claim: SimulatedClaim) => SendingDomainSpec | undefined;
  /** Selectors that the contract of a domain names, and whose it is. */
  readonly contractOf: (
    domain: string,
  ) => { readonly namespace: string; readonly selectors: readonly string[] } | undefined;
}

/** What the scenario wants to hear of. */
export interface KeyYearsHooks {
  readonly onCheck: (claim: SimulatedClaim, names: readonly string[]) => void;
  readonly onSettled: (claim: SimulatedClaim, plan: DomainPlan) => void;
  readonly onNote: (note: Note, claim: SimulatedClaim) => void;
  readonly onDelete: (claim: SimulatedClaim, name: string) => void;
}

const contractNamespace = "posthouse-system";
const settings = {
  contractNamespace,
  spfInclude: "_spf.relay.example.net",
  timing: {
    activationDelay: 8 * hour,
    checkInterval: 144 * hour,
    missingInterval: 12 * hour,
    missingIntervalMax: 48 * hour,
  },
  longestMessageAge: 72 * hour,
  plans: { Pro: { maxCredits: "Unlimited" as const, namespaces: ["*"] } },
};

/** The settings of the fleet that a domain is in. */
function settingsOf({ checkInterval }: SimulatedClaim): DomainSettings {
  const { timing } = settings;
  const least = (time: number): number => Math.min(time, checkInterval);
  return {
    ...settings,
    timing: {
      ...timing,
      checkInterval,
      missingInterval: least(timing.missingInterval),
      missingIntervalMax: least(timing.missingIntervalMax),
    },
  };
}

export function createZone(): SimulatedZone {
  return createSimulatedZone(3600);
}

/** Starts with no objects. */
export function createKeyYears(start: number, hooks: KeyYearsHooks): KeyYears {
  const cluster = createMemoryCluster();
  const relations = createRelations(cluster, contractNamespace);
  cluster.watch(["SendingDomain", "Secret", "ConfigMap"], (key) => void relations.changed(key));
  cluster.put({
    apiVersion: "posthouse.dev/v1alpha1",
    kind: "RelayTenant",
    metadata: { namespace: "a", name: "shop" },
    spec: { allowance: { plan: "Pro" } },
  });
  const buckets = new Map<number, (() => Promise<void> | void)[]>();
  const sourcesOf = (claim: SimulatedClaim): DomainSources => ({ cluster, relations, settings: settingsOf(claim) });
  let keys = 0;
  const clock = {
    now: () => years.now + years.clockError,
    after: () => () => undefined,
    sleep: () => Promise.resolve(),
  };
  const context: ApplyContext = {
    cluster,
    clock,
    submission: { host: "relay.example.net", port: 587, implicitTls: false },
    unanswered: new Set(),
    makeKeyPair: () => {
      keys += 1;
      const fingerprint = createHash("sha256").update(String(keys)).digest("hex");
      const privateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
      return Promise.resolve({ privateKey, publicKey: Buffer.from(fingerprint).toString("base64"), fingerprint });
    },
  };
  const objectOf = ({ namespace, name }: SimulatedClaim) =>
    cluster.get<"SendingDomain">({ kind: "SendingDomain", namespace, name });

  const apply = async (claim: SimulatedClaim, plan: Plan<unknown>): Promise<void> => {
    for (const action of plan.actions) {
      if (action.kind === "delete" && action.key.name.startsWith("dkim-")) hooks.onDelete(claim, action.key.name);
      if ((await applyAction(action, context)) === "Again") return;
    }
    for (const each of plan.notes) hooks.onNote(each, claim);
  };
  const check = async (claim: SimulatedClaim, asked: DomainPlan["dns"], turn: number): Promise<void> => {
    if (claim.gone || claim.turn !== turn) return;
    const { timing } = settingsOf(claim);
    const names = asked.names.map((name) => {
      const before = claim.evidence.names.get(name);
      if (name.includes("._domainkey."))
        return [name, foldAgreement(before, claim.zone.ask(name), clock.now(), timing)] as const;
      const text = name.startsWith("_dmarc.") ? "v=DMARC1; p=none" : `v=spf1 include:${settings.spfInclude} ~all`;
      return [name, foldAnswer(before, { kind: "Records", values: [[text]], ttl: 3600 }, clock.now())] as const;
    });
    claim.evidence = { names: new Map(names), negativeTtl: 3600 };
    hooks.onCheck(claim, asked.names);
    await years.settle(claim);
  };

  const years: KeyYears = {
    now: start,
    clockError: 0,
    at(time, run) {
      const slot = Math.max(Math.ceil(time / hour), Math.floor(years.now / hour) + 1);
      const bucket = buckets.get(slot);
      if (bucket) bucket.push(run);
      else buckets.set(slot, [run]);
    },
    async runUntil(end) {
      for (let slot = Math.floor(years.now / hour) + 1; slot * hour <= end; slot++) {
        years.now = slot * hour;
        for (const run of buckets.get(slot) ?? []) await run();
        buckets.delete(slot);
      }
    },
    addClaim(added, spec) {
      const claim: SimulatedClaim = {
        ...added,
        name: added.domain.replaceAll(".", "-"),
        evidence: noEvidence,
        turn: 0,
        gone: true,
      };
      years.at(years.now, () => years.change(claim, spec));
      return claim;
    },
    async change(claim, spec, rotate) {
      const { namespace, name } = claim;
      if (spec === undefined) {
        cluster.remove({ kind: "SendingDomain", namespace, name });
        claim.gone = true;
        claim.evidence = noEvidence;
        // As the orphan watch does: what it left goes an hour later, if it is still gone.
        years.at(years.now + hour, () =>
          claim.gone ? apply(claim, planGoneDomain(observeGoneDomain(sourcesOf(claim), namespace, name))) : undefined,
        );
        return;
      }
      const annotations =
        rotate === undefined ? objectOf(claim)?.metadata.annotations : { "posthouse.dev/rotate": rotate };
      cluster.put({
        apiVersion: "posthouse.dev/v1alpha1",
        kind: "SendingDomain",
        metadata: { namespace, name, ...(annotations && { annotations }) },
        spec,
      });
      claim.gone = false;
      await years.settle(claim);
    },
    async settle(claim) {
      const sources = sourcesOf(claim);
      for (let pass = 0; pass < 8; pass++) {
        const observed = observeDomain(sources, claim.namespace, claim.name, claim.evidence);
        if (observed === undefined) return;
        const plan = planDomain(observed, clock.now());
        if (plan.actions.length > 0) {
          await apply(claim, plan);
          continue;
        }
        const object = objectOf(claim);
        if (object) await cluster.applyStatus({ ...object, status: plan.status });
        claim.turn += 1;
        const { turn } = claim;
        years.at(years.now + Math.max(0, plan.dns.checkAt - clock.now()), () => check(claim, plan.dns, turn));
        hooks.onSettled(claim, plan);
        return;
      }
      throw new Error(`${claim.namespace}/${claim.name} does not settle`);
    },
    statusOf: (claim) => objectOf(claim)?.status as SendingDomainStatus | undefined,
    specOf: (claim) => objectOf(claim)?.spec as SendingDomainSpec | undefined,
    contractOf(domain) {
      const secret = cluster.get<"Secret">({
        kind: "Secret",
        namespace: contractNamespace,
        name: domainContractName(domain),
      });
      const decoded = secret && decodeDomainContract(secret.data);
      if (decoded === undefined || "error" in decoded) return undefined;
      const { claim, keys: named } = decoded.value;
      return { namespace: claim.namespace, selectors: named.map(({ selector }) => selector) };
    },
  };
  return years;
}
