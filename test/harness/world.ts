/** A world on loopback: a DNS zone, a mail server that verifies, and `posthouse up` on the quickstart's two files. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stateLayout } from "../../cli/state-layout.ts";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import type { QueueRow } from "../../relay/store/queue.ts";
import { proveDomain, publishReport, reportOf } from "./domain-report.ts";
import { startMxSink, type MxSink } from "./mx-sink.ts";
import { freePorts, posthouse, startPosthouse, type Running } from "./posthouse.ts";
import { withStore } from "./with-store.ts";
import type { ZoneRecord } from "./zone-data.ts";
import { startZoneServer, type ZoneServer } from "./zone-server.ts";

const examples = new URL("../../docs/examples/quickstart/", import.meta.url).pathname;

export interface World {
  readonly zone: ZoneServer;
  readonly sink: MxSink;
  /** The `posthouse up` that runs now. */
  relay(): Running;
  readonly manifests: string;
  readonly state: string;
  readonly ports: { readonly startTls: number; readonly implicit: number; readonly admin: number };
  /** Runs `posthouse ARGS... --state ...` and gives what it printed. */
  run(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Replaces text in the tenant's manifest, as an editor would. */
  editTenant(change: (text: string) => string): Promise<void>;
  /** The report of shop.example as it is now. */
  report(): Promise<SendingDomainStatus>;
  /** Publishes what the report of shop.example asks for, once it does. */
  publishRecords(): Promise<void>;
  /** Publishes it, and waits until the keys of shop.example sign. */
  prove(): Promise<void>;
  /** What waits, as the store holds it now. */
  queue(): Promise<readonly QueueRow[]>;
  /** Kills the relay with SIGKILL and starts another on the same folders. */
  killAndRestart(): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** `host:port` of the authoritative servers of every domain; the zone server of the world when absent. */
  readonly nameServers?: readonly string[];
  /** How long a record must be visible before its key signs; no time when absent. */
  readonly activationDelay?: string;
  /** Relay processes; one when absent. */
  readonly workers?: number;
  /** Further members of the fleet file's `delivery`. */
  readonly delivery?: Readonly<Record<string, unknown>>;
}

function fleetFile(options: WorldOptions, ports: World["ports"], zone: ZoneServer, sink: MxSink): string {
  const { nameServers, activationDelay = "0s", workers = 1, delivery = {} } = options;
  const servers = JSON.stringify(nameServers ?? [zone.address]);
  return `# Free ports, loopback only, an impatient operator.
hostname: relay.example
workers: ${workers}
listeners:
  - { name: submission, host: 127.0.0.1, port: ${ports.startTls}, tls: StartTLS }
  - { name: submissions, host: 127.0.0.1, port: ${ports.implicit}, tls: Implicit }
admin: { host: 127.0.0.1, port: ${ports.admin} }
dns: { resolvers: ["${zone.address}"], authorities: [{ zone: example, servers: ${servers} }], activationDelay: ${activationDelay}, checkInterval: 2s, missingInterval: 200ms, missingIntervalMax: 1s }
spf: { include: _spf.relay.example }
delivery: ${JSON.stringify({ port: sink.port, allowNetworks: ["127.0.0.0/8"], ...delivery })}
`;
}

/** With the zone above, which is asked for what a domain inherits. */
const zones = ["example", "shop.example", "friend.example", "relay.example"].map((name) => ({
  name,
  ttl: 1,
  minimum: 1,
}));
const records: readonly ZoneRecord[] = [
  { name: "friend.example", type: "MX", value: { preference: 10, exchange: "mx.friend.example" } },
  { name: "mx.friend.example", type: "A", value: "127.0.0.1" },
  { name: "_spf.relay.example", type: "TXT", value: "v=spf1 ip4:127.0.0.1 -all" },
];

/** Starts everything; what was started is stopped again when a later part fails. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "posthouse-world-"));
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const zone = await startZoneServer({ zones, records });
    closers.push(() => zone.close());
    const sink = await startMxSink({ resolver: zone.address });
    closers.push(() => sink.close());
    const [startTls = 0, implicit = 0, admin = 0] = await freePorts(3);
    const ports = { startTls, implicit, admin };
    await cp(examples, join(folder, "manifests"), { recursive: true });
    await writeFile(join(folder, "fleet.yaml"), fleetFile(options, ports, zone, sink));
    const relay = await startRelay(folder, admin);
    closers.push(() => relay.current().stop());
    return {
      ...handlesOf(folder, zone),
      zone,
      sink,
      ports,
      relay: relay.current,
      killAndRestart: () => relay.restart(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startRelay(folder: string, admin: number) {
  const args = ["--manifests", "manifests", "--state", "state", "--fleet", "fleet.yaml"];
  const paths = args.map((arg) => (arg.startsWith("--") ? arg : join(folder, arg)));
  const start = (): Promise<Running> => startPosthouse(paths, { host: "127.0.0.1", port: admin });
  let running = await start();
  return {
    current: () => running,
    async restart() {
      await running.kill();
      running = await start();
    },
  };
}

function handlesOf(
  folder: string,
  zone: ZoneServer,
): Pick<World, "manifests" | "state" | "run" | "editTenant" | "report" | "publishRecords" | "prove" | "queue"> {
  const manifests = join(folder, "manifests");
  const state = join(folder, "state");
  const shop = { state, namespace: "team-shop", name: "shop-example" };
  return {
    manifests,
    state,
    run: (...args) => posthouse([...args, "--state", state]),
    async editTenant(change) {
      const file = join(manifests, "tenant.yaml");
      await writeFile(file, change(await readFile(file, "utf8")));
    },
    report: () => reportOf(shop),
    publishRecords: () => publishReport(shop, zone),
    prove: () => proveDomain(shop, zone),
    queue: () => withStore(stateLayout.store(state), (store) => store.queue.list(100)),
  };
}
