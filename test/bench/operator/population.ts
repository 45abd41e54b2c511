/** The namespaces, tenants and domains of the bench. */
import type { Asking } from "../../harness/api-server-client.ts";
import type { ControlPlane } from "../../harness/control-plane.ts";
import { deliveringTenant } from "../../harness/custom-resources.ts";
import { domainName } from "./zone.ts";

export interface Size {
  readonly domains: number;
  /** Each in a namespace of its own, with one environment and one credential. */
  readonly tenants: number;
}

const crds = "/apis/posthouse.dev/v1alpha1";

/** Name of a tenant's namespace; the tenant itself is `shop`. */
export function namespaceOf(tenant: number): string {
  return `team-${tenant}`;
}

/** Makes everything, as users would before an operator is there. */
export async function populate({ ask }: ControlPlane, { domains, tenants }: Size): Promise<void> {
  const make = async (path: string, body: object): Promise<void> => {
    const answer = await ask({ method: "POST", path, body });
    if (answer.code !== 201) throw new Error(`${path}: ${answer.code} ${JSON.stringify(answer.body)}`);
  };
  await each(tenants, async (tenant) => {
    const name = namespaceOf(tenant);
    await make("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await make(`${crds}/namespaces/${name}/relaytenants`, custom("RelayTenant", "shop", deliveringTenant));
  });
  await each(domains, async (number) => {
    const name = `d${number}`;
    const spec = { domain: domainName(number), tenantRef: { name: "shop" } };
    const path = `${crds}/namespaces/${namespaceOf(number % tenants)}/sendingdomains`;
    await make(path, custom("SendingDomain", name, spec));
  });
}

/** What changes the credits of a tenant, as `kubectl patch` does. */
export function creditsPatch(tenant: number, amount: number): Asking {
  return {
    method: "PATCH",
    path: `${crds}/namespaces/${namespaceOf(tenant)}/relaytenants/shop`,
    contentType: "application/merge-patch+json",
    body: { spec: { allowance: { credits: { amount } } } },
  };
}

function custom(kind: string, name: string, spec: object): object {
  return { apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { name }, spec };
}

/** Does work for 0 to `count` - 1, sixteen at once. */
async function each(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}
