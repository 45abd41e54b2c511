import type Type from "typebox";
import { group, version } from "./group.ts";
import { RelayTenantSpec, RelayTenantStatus } from "./relay-tenant.ts";
import { SendingDomainSpec, SendingDomainStatus } from "./sending-domain.ts";
import { structuralSchema } from "./structural-schema.ts";
import type { StructuralSchema } from "./structural-schema.ts";

/** A column of `kubectl get`; `priority` 1 shows it only with `-o wide`. */
interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description?: string;
  readonly priority?: number;
}

/** What one kind of custom resource is, before it becomes a CustomResourceDefinition. */
export interface Definition {
  readonly kind: "RelayTenant" | "SendingDomain";
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly description: string;
  readonly spec: Type.TSchema;
  readonly status: Type.TSchema;
  readonly columns: readonly PrinterColumn[];
}

/** The column that shows the status of a condition. */
function conditionColumn(type: string, description: string, name = type): PrinterColumn {
  return { name, type: "string", jsonPath: `.status.conditions[?(@.type=="${type}")].status`, description };
}

const reason: PrinterColumn = {
  name: "Reason",
  type: "string",
  jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
  description: "Why it is ready, or not.",
  priority: 1,
};
const age: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

/** Posthouse's kinds, in the order of their names. */
export const definitions: readonly Definition[] = [
  {
    kind: "RelayTenant",
    plural: "relaytenants",
    singular: "relaytenant",
    shortName: "rt",
    description: "A mail relay service of one team: an allowance, environments with credentials, and a way out.",
    spec: RelayTenantSpec,
    status: RelayTenantStatus,
    columns: [
      { name: "Plan", type: "string", jsonPath: ".spec.allowance.plan", description: "The tenant's plan." },
      { name: "Sending", type: "string", jsonPath: ".status.sending.state", description: "Whether it may send." },
      { name: "Remaining", type: "integer", jsonPath: ".status.credits.remaining", description: "Credits left." },
      conditionColumn("Ready", "Whether all that Posthouse must do is done."),
      reason,
      age,
    ],
  },
  {
    kind: "SendingDomain",
    plural: "sendingdomains",
    singular: "sendingdomain",
    shortName: "sd",
    description: "A claim of a tenant to send mail as a domain: DKIM keys, and the DNS records to publish.",
    spec: SendingDomainSpec,
    status: SendingDomainStatus,
    columns: [
      { name: "Domain", type: "string", jsonPath: ".spec.domain", description: "The domain." },
      { name: "Tenant", type: "string", jsonPath: ".spec.tenantRef.name", description: "The tenant that sends as it." },
      conditionColumn("DNSVerified", "Whether every required record is seen in DNS.", "DNS"),
      conditionColumn("Ready", "Whether all that Posthouse must do is done."),
      reason,
      age,
    ],
  },
];

/** The OpenAPI v3 schema of whole objects of a kind. */
export function objectSchema(definition: Definition): StructuralSchema {
  return {
    type: "object",
    description: definition.description,
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: `Version of the schema: ${group}/${version}.` },
      kind: { type: "string", description: `Kind of the object: ${definition.kind}.` },
      metadata: { type: "object" },
      spec: structuralSchema(definition.spec),
      status: structuralSchema(definition.status),
    },
  };
}

/** The CustomResourceDefinition of a kind, as `kubectl apply` takes it. */
export function customResourceDefinition(definition: Definition): Readonly<Record<string, unknown>> {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${definition.plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        kind: definition.kind,
        listKind: `${definition.kind}List`,
        plural: definition.plural,
        singular: definition.singular,
        shortNames: [definition.shortName],
        categories: ["posthouse"],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: definition.columns,
          schema: { openAPIV3Schema: objectSchema(definition) },
        },
      ],
    },
  };
}
