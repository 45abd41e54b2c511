/** The relays that the bench measures, each in a process of its own, on a disk of this machine. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCredential } from "../harness/application.ts";
import { proveDomain } from "../harness/domain-report.ts";
import { freePorts, startPosthouse } from "../harness/posthouse.ts";
import { type Contracts, startRelayFront } from "../harness/relay-front.ts";
import { keyOf, plainOf } from "../harness/submission.ts";
import { startZoneServer } from "../harness/zone-server.ts";

/** Something that takes mail over implicit TLS. */
export interface Relay {
  readonly pid: number;
  readonly port: number;
  readonly plain: string;
  readonly sender: string;
  stop(): Promise<void>;
}

/** A relay that delivers nothing. */
export interface Front extends Relay {
  /** How often it has asked Redis so far. */
  roundTrips(): Promise<number>;
}

/**
 * Sessions, decisions and the store, without delivery: what accepting alone can do. `store` is a folder or the URL of a
 * Redis; `contracts`: whose mail, if not the usual.
 */
export async function startFront(store: string, contracts?: Contracts): Promise<Front> {
  const { relay, port } = await startRelayFront(store, contracts);
  const { pid = 0 } = relay.child;
  return {
    pid,
    port,
    plain: plainOf(keyOf("production00")),
    sender: "orders@shop.example",
    stop: () => relay.kill(),
    async roundTrips() {
      const seen = relay.lines.length;
      relay.send("round trips");
      return Number((await relay.saw(/^round trips/, seen)).split(" ")[2]);
    },
  };
}

const manifest = `
apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: { name: shop, namespace: team-shop }
spec:
  allowance: { plan: Scale, credits: { type: Unlimited } }
  environments:
    - name: production
      mode: Deliver
      domains: [shop.example]
      credentials: [{ name: web, secretName: shop-production-web }]
---
apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: { name: shop-example, namespace: team-shop }
spec: { domain: shop.example, tenantRef: { name: shop } }
`;

function fleetFile(ports: { implicit: number; admin: number; sink: number }, resolver: string): string {
  return `
hostname: relay.example
listeners: [{ name: submissions, host: 127.0.0.1, port: ${ports.implicit}, tls: Implicit }]
admin: { host: 127.0.0.1, port: ${ports.admin} }
dns: { mode: Resolvers, resolvers: ["${resolver}"], activationDelay: 0s, missingInterval: 200ms, missingIntervalMax: 1s }
delivery: { port: ${ports.sink}, allowNetworks: [127.0.0.0/8] }
`;
}

/** Where a relay delivers to: a domain for each address, with one MX there. */
export interface Destination {
  readonly addresses: readonly string[];
  readonly port: number;
}

/** The domain that the MX at the address of that number takes mail for. */
export function friend(number: number): string {
  return `friend${number}.example`;
}

/** `posthouse up` with every default: both signatures on each message, delivered by MX. */
export async function startUp(folder: string, to: Destination): Promise<Relay> {
  const manifests = join(folder, "manifests");
  const state = join(folder, "state");
  mkdirSync(manifests);
  writeFileSync(join(manifests, "shop.yaml"), manifest);
  const zone = await startZoneServer({
    zones: [
      { name: "shop.example", ttl: 1, minimum: 1 },
      ...to.addresses.map((_, i) => ({ name: friend(i), ttl: 60, minimum: 1 })),
    ],
    records: to.addresses.flatMap((address, i) => [
      { name: friend(i), type: "MX", value: { preference: 10, exchange: `mx.${friend(i)}` } },
      { name: `mx.${friend(i)}`, type: "A", value: address },
    ]),
  });
  const closers: (() => Promise<unknown>)[] = [() => zone.close()];
  const stop = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const [implicit = 0, admin = 0] = await freePorts(2);
    const fleet = join(folder, "fleet.yaml");
    writeFileSync(fleet, fleetFile({ implicit, admin, sink: to.port }, zone.address));
    const args = ["--manifests", manifests, "--state", state, "--fleet", fleet];
    const relay = await startPosthouse(args, { host: "127.0.0.1", port: admin });
    closers.push(() => relay.stop());
    await proveDomain({ state, namespace: "team-shop", name: "shop-example" }, zone);
    const { username, password } = await readCredential({ state }, "shop-production-web");
    return { pid: relay.pid, port: implicit, plain: plainOf(password, username), sender: "orders@shop.example", stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
