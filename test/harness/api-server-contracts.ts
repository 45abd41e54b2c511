/** What an operator would have written to an API server for relays, written by a test. */
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
