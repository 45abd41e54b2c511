/** The DNS of the bench, in its process: name servers and a resolver that show what the domains report once told to. */
import type { ZoneRecord } from "../../harness/zone-data.ts";
import { startZoneServer } from "../../harness/zone-server.ts";

export interface BenchZone {
  /** The part of the fleet file's `dns` that names the servers. */
  readonly config: object;
  /** How often a domain was looked at so far, each time by several questions. */
  readonly checks: () => number;
  readonly publish: (fqdn: string, text: string) => void;
  readonly close: () => Promise<void>;
}

/** The operator asks one name server 20 questions a second at most, so domains are spread over as many as a fleet file can name. */
const servers = 64;

/** The domain of this number: a name in one of the zones. */
export function domainName(number: number): string {
  return `d${number}.z${number % servers}.example`;
}

/** Starts the servers; nothing of any domain is there at first. What is published may be relied on after a second: a TTL is the least that a key waits. */
export async function startBenchZone(): Promise<BenchZone> {
  const byDomain = new Map<string, ZoneRecord[]>();
  let checks = 0;
  const publish = (fqdn: string, text: string): void => {
    const records = byDomain.get(domainOf(fqdn)) ?? [];
    byDomain.set(domainOf(fqdn), [...records, { name: fqdn, type: "TXT", value: text }]);
  };
  publish("_spf.relay.example", "v=spf1 ip4:127.0.0.1 -all");
  const startFor = (name: string, host: string) =>
    startZoneServer({
      zones: [{ name, ttl: 1, minimum: 1 }],
      host,
      // Each check asks for one SOA.
      onQuery: ({ type }) => type === "SOA" && (checks += 1),
      recordsNear: (asked) => byDomain.get(domainOf(asked)) ?? [],
    });
  const resolver = await startFor("example", "127.0.0.1");
  const places = Array.from({ length: servers }, (_, index) => [`z${index}.example`, `127.1.0.${index + 1}`] as const);
  const started = await Promise.all(places.map(([zone, host]) => startFor(zone, host)));
  const authorities = started.map(({ address }, index) => ({ zone: places[index]?.[0], servers: [address] }));
  return {
    config: { resolvers: [resolver.address], authorities },
    checks: () => checks,
    publish,
    close: async () => void (await Promise.all([resolver, ...started].map((server) => server.close()))),
  };
}

function domainOf(name: string): string {
  return name.split(".").slice(-3).join(".");
}
