/** What `posthouse dns` tells of a domain, read in this process: for those who ask again and again. */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { statusFile } from "../../cluster/folder/state-layout.ts";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import { until } from "./until.ts";
import type { ZoneServer } from "./zone-server.ts";

/** A SendingDomain, and the state folder of the operator that reports on it. */
export interface Claim {
  readonly state: string;
  readonly namespace: string;
  readonly name: string;
}

/** The status of a SendingDomain; nothing is in it before there is one. */
export async function reportOf({ state, ...claim }: Claim): Promise<SendingDomainStatus> {
  const text = await readFile(statusFile(state, { kind: "SendingDomain", ...claim }), "utf8").catch(() => "{}");
  const { status = { observedGeneration: -1 } } = parse(text) as { readonly status?: SendingDomainStatus };
  return status;
}

/** Publishes the records of a new domain once it is reported: those of two keys, SPF and DMARC. */
export async function publishReport(claim: Claim, zone: ZoneServer, timeout?: number): Promise<void> {
  const probe = async () => {
    const { records = [] } = await reportOf(claim);
    return records.length === 4 ? records : undefined;
  };
  const records = await until(`four records of ${claim.name} are reported`, probe, timeout);
  zone.publish(...records.map(({ fqdn, value }) => ({ name: fqdn, type: "TXT" as const, value })));
}

/** Publishes the records of a new domain and waits until its keys sign. */
export async function proveDomain(claim: Claim, zone: ZoneServer, timeout?: number): Promise<void> {
  await publishReport(claim, zone, timeout);
  const probe = async (): Promise<true | undefined> => {
    const { keys = [] } = (await reportOf(claim)).dkim ?? {};
    return keys.length > 0 && keys.every(({ state }) => state === "Active") ? true : undefined;
  };
  await until(`the keys of ${claim.name} sign`, probe, timeout);
}
