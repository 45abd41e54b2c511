/** What an operator would have written to an API server for relays, written by a test: contracts, and who may read them. */
import { encodeDomainContract, encodeTenantContract, type ObjectData } from "../../contract/codec.ts";
import type { DomainContract } from "../../contract/domain-contract.ts";
import { domainContractName, labels, tenantContractName } from "../../contract/names.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { ControlPlane } from "./control-plane.ts";

interface Contracts {
  readonly tenants?: readonly TenantContract[];
  readonly domains?: readonly DomainContract[];
}

/** A Secret for relays. */
export interface ContractSecret {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In plain text. */
  readonly data: ObjectData;
}

/** The Secrets that hold contracts. */
export function contractSecrets({ tenants = [], domains = [] }: Contracts): readonly ContractSecret[] {
  return [
    ...tenants.map((tenant) => ({
      name: tenantContractName(tenant.namespace, tenant.name),
      labels: { [labels.managedBy]: "posthouse", [labels.contract]: "tenant" },
      data: encodeTenantContract(tenant),
    })),
    ...domains.map((domain) => ({
      name: domainContractName(domain.domain),
      labels: { [labels.managedBy]: "posthouse", [labels.contract]: "domain" },
      data: encodeDomainContract(domain),
    })),
  ];
}

/** Writes contracts into a namespace, or changes them. */
export async function putContracts({ ask }: ControlPlane, namespace: string, contracts: Contracts): Promise<void> {
  for (const { name, labels: ours, data } of contractSecrets(contracts)) {
    const { code, body } = await ask({
      method: "PATCH",
      path: `/api/v1/namespaces/${namespace}/secrets/${name}`,
      query: { fieldManager: "test", force: "true" },
      contentType: "application/apply-patch+yaml",
      body: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, labels: ours },
        stringData: data,
      },
    });
    if (code >= 300) throw new Error(`${name}: ${code} ${JSON.stringify(body)}`);
  }
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** All that a relay needs: its contracts, and to ask whose a token is. */
export const relayRules = {
  contracts: [{ apiGroups: [""], resources: ["secrets"], verbs: ["list", "watch"] }],
  tokens: [{ apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] }],
} satisfies Record<string, readonly Rule[]>;

/** Lets a ServiceAccount do what the rules say: in its namespace, or with `cluster` everywhere. */
export async function allow(
  { ask }: ControlPlane,
  account: { readonly namespace: string; readonly name: string },
  rules: readonly Rule[],
  where: "namespace" | "cluster" = "namespace",
): Promise<void> {
  const { namespace } = account;
  const prefix = where === "cluster" ? "Cluster" : "";
  const base = `/apis/rbac.authorization.k8s.io/v1/${where === "cluster" ? "" : `namespaces/${namespace}/`}`;
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const metadata = { name: `${namespace}-${account.name}` };
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: `${prefix}Role`, name: metadata.name };
  const role = { apiVersion, kind: `${prefix}Role`, metadata, rules };
  const binding = {
    apiVersion,
    kind: `${prefix}RoleBinding`,
    metadata,
    roleRef,
    subjects: [{ kind: "ServiceAccount", ...account }],
  };
  for (const body of [role, binding]) {
    const { code, body: said } = await ask({ method: "POST", path: `${base}${body.kind.toLowerCase()}s`, body });
    if (code >= 300) throw new Error(`${body.kind}: ${code} ${JSON.stringify(said)}`);
  }
}
