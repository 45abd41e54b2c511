/** The tenants of a soak, as manifests: one Unlimited that also captures, one Recurring, one OneTime. */
import { stringify } from "yaml";
import type { Edit } from "./plan.ts";

/** What edits change. */
export interface Terms {
  /** Daily credits of `daily`. */
  readonly daily: number;
  /** Credits of `once`, and those of its one top-up; 0 before there is one. */
  readonly once: number;
  readonly topUp: number;
  readonly newsletter: "Deliver" | "Disabled";
  /** How often credentials were asked to be replaced. */
  readonly rotation: number;
}

/** Who sends: an environment of a tenant. */
export interface Sender {
  readonly tenant: "open" | "daily" | "once";
  readonly environment: string;
  readonly route: "Deliver" | "Capture";
}

export const namespace = "team-soak";
/** SendingDomains, each of the tenant of its name. */
export const claims = ["open", "daily", "once"];
export const senders: readonly Sender[] = [
  { tenant: "open", environment: "production", route: "Deliver" },
  { tenant: "open", environment: "trial", route: "Capture" },
  { tenant: "open", environment: "newsletter", route: "Deliver" },
  { tenant: "daily", environment: "production", route: "Deliver" },
  { tenant: "once", environment: "production", route: "Deliver" },
];

export function secretOf({ tenant, environment }: Sender): string {
  return `${tenant}-${environment}`;
}

/** Terms under which so many connections use up their credits before the middle, and again at the end; `length` in milliseconds. */
export function firstTerms(length: number, connections: number): Terms {
  const seconds = Math.ceil(length / 1000) * connections;
  return {
    daily: Math.ceil((seconds * 8) / 15),
    once: Math.ceil((seconds * 6) / 15),
    topUp: 0,
    newsletter: "Deliver",
    rotation: 0,
  };
}

const edits: Readonly<Record<Edit, (terms: Terms) => Partial<Terms>>> = {
  RaiseCredits: ({ daily }) => ({ daily: Math.ceil(daily * 1.5) }),
  TopUp: ({ topUp, once }) => ({ topUp: topUp + once }),
  Disable: () => ({ newsletter: "Disabled" }),
  Enable: () => ({ newsletter: "Deliver" }),
  Rotate: ({ rotation }) => ({ rotation: rotation + 1 }),
};

export function edited(terms: Terms, edit: Edit): Terms {
  return { ...terms, ...edits[edit](terms) };
}

/** The whole file. */
export function manifestsOf(terms: Terms): string {
  const topUps = terms.topUp === 0 ? [] : [{ name: "extra", amount: terms.topUp }];
  const modes: Readonly<Record<string, string>> = { trial: "Capture", newsletter: terms.newsletter };
  const tenant = (name: Sender["tenant"], credits: object): object => {
    const own = senders.filter((sender) => sender.tenant === name);
    const rotate = own.map(({ environment }) => `${environment}/app=round-${terms.rotation}`).join(",");
    return {
      apiVersion: "posthouse.dev/v1alpha1",
      kind: "RelayTenant",
      metadata: { name, namespace, ...(terms.rotation > 0 && { annotations: { "posthouse.dev/rotate": rotate } }) },
      spec: {
        allowance: { plan: "Scale", credits, topUps: name === "once" ? topUps : [] },
        environments: own.map((sender) => ({
          name: sender.environment,
          mode: modes[sender.environment] ?? "Deliver",
          credentials: [{ name: "app", secretName: secretOf(sender) }],
        })),
      },
    };
  };
  const objects = [
    tenant("open", { type: "Unlimited" }),
    tenant("daily", { type: "Recurring", amount: terms.daily, reset: "Daily" }),
    tenant("once", { type: "OneTime", amount: terms.once }),
    ...claims.map(claim),
  ];
  return objects.map((object) => stringify(object)).join("---\n");
}

function claim(name: string): object {
  return {
    apiVersion: "posthouse.dev/v1alpha1",
    kind: "SendingDomain",
    metadata: { name, namespace },
    spec: { domain: `${name}.example`, tenantRef: { name } },
  };
}
