/** The front of a relay as a process of its own: what it is started with. */
import type { DomainContract } from "../../contract/domain-contract.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { Certificate } from "../../relay/session/certificate.ts";
import type { Limits } from "../../relay/session/config.ts";
import { type LineProcess, startLineProcess } from "./line-process.ts";
import { domains, shop, testCertificate, testLimits } from "./submission.ts";

/** Whose mail it takes. */
export interface Contracts {
  readonly tenants: readonly TenantContract[];
  readonly domains: readonly DomainContract[];
}

/** What the process is told, as JSON: made once, because to make it takes longer than to start. */
export interface FrontSettings extends Contracts {
  /** A folder, or the URL of a Redis. */
  readonly store: string;
  readonly tls: Certificate;
  readonly limits: Limits;
}

/** Rich, and without any limit. */
const rich: TenantContract = { ...shop, allowance: { credits: { type: "OneTime", amount: 1e9 }, topUps: [] } };
const child = new URL("relay-child.ts", import.meta.url).pathname;

/** Starts one on a free port of 127.0.0.1 with implicit TLS; its tenant is {@link shop}, made rich, when none is given. */
export async function startRelayFront(
  store: string,
  contracts: Contracts = { tenants: [rich], domains },
): Promise<{ readonly relay: LineProcess; readonly port: number }> {
  const limits = testLimits({ messagesPerConnection: 1_000_000, rateRefusalDelay: 1000 });
  const settings: FrontSettings = { ...contracts, store, tls: await testCertificate(), limits };
  const relay = startLineProcess([process.execPath, child, JSON.stringify(settings)]);
  const port = Number((await relay.saw(/^listening/)).split(" ")[1]);
  return { relay, port };
}
