/** The DNS of the bench: one server, authoritative and resolver in one, that shows what the domains report once told to. */
import type { ZoneRecord } from "../../harness/zone-data.ts";
import { startZoneServer } from "../../harness/zone-server.ts";

export interface BenchZone {
  /** `host:port`. */
  readonly address: string;
  /** Questions so far. */
  readonly questions: () => number;
  readonly publish: (fqdn: string, text: string) => void;
  readonly close: () => Promise<void>;
}

/** Domains are `NAME.example`, and nothing of them is there at first. */
export async function startBenchZone(): Promise<BenchZone> {
  const byDomain = new Map<string, ZoneRecord[]>();
  let questions = 0;
  const publish = (fqdn: string, text: string): void => {
    const records = byDomain.get(domainOf(fqdn)) ?? [];
    byDomain.set(domainOf(fqdn), [...records, { name: fqdn, type: "TXT", value: text }]);
  };
  publish("_spf.relay.example", "v=spf1 ip4:127.0.0.1 -all");
  const server = await startZoneServer({
    zones: [{ name: "example", ttl: 300, minimum: 300 }],
    onQuery: () => (questions += 1),
    recordsNear: (name) => byDomain.get(domainOf(name)) ?? [],
  });
  return { address: server.address, questions: () => questions, publish, close: () => server.close() };
}

function domainOf(name: string): string {
  return name.split(".").slice(-2).join(".");
}
