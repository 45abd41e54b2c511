/** The world of the demo, all of it on loopback: a DNS zone, a mail server that verifies, and Posthouse itself. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMxSink, type MxSink } from "../harness/mx-sink.ts";
import { freePorts, posthouse, startPosthouse, type Running } from "../harness/posthouse.ts";
import { startZoneServer, type ZoneServer } from "../harness/zone-server.ts";

const examples = new URL("../../docs/examples/quickstart/", import.meta.url).pathname;

export interface World {
  readonly zone: ZoneServer;
  readonly sink: MxSink;
  readonly relay: Running;
  readonly manifests: string;
  readonly state: string;
  readonly ports: { readonly startTls: number; readonly implicit: number; readonly admin: number };
  /** Runs `posthouse ARGS... --state ...` and gives what it printed. */
  run(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Replaces text in the tenant's manifest, as an editor would. */
  editTenant(change: (text: string) => string): Promise<void>;
  close(): Promise<void>;
}

function fleetFile(ports: World["ports"], zone: ZoneServer, sink: MxSink): string {
  return `# Written by the demo: free ports, loopback only, an impatient operator.
hostname: relay.example
listeners:
  - { name: submission, host: 127.0.0.1, port: ${ports.startTls}, tls: StartTLS }
  - { name: submissions, host: 127.0.0.1, port: ${ports.implicit}, tls: Implicit }
admin: { host: 127.0.0.1, port: ${ports.admin} }
dns: { mode: Resolvers, resolvers: ["${zone.address}"], activationDelay: 0s, checkInterval: 2s, missingInterval: 200ms, missingIntervalMax: 1s }
spf: { include: _spf.relay.example }
delivery: { port: ${sink.port}, allowNetworks: [127.0.0.0/8] }
`;
}

/** Starts everything; what was started is stopped again when a later part fails. */
export async function startWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "posthouse-demo-"));
  const manifests = join(folder, "manifests");
  const state = join(folder, "state");
  await cp(examples, manifests, { recursive: true });
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    const zone = await startZoneServer({
      zones: [
        { name: "shop.example", ttl: 1, minimum: 1 },
        { name: "friend.example", ttl: 1, minimum: 1 },
        { name: "relay.example", ttl: 1, minimum: 1 },
      ],
      records: [
        { name: "friend.example", type: "MX", value: { preference: 10, exchange: "mx.friend.example" } },
        { name: "mx.friend.example", type: "A", value: "127.0.0.1" },
        { name: "_spf.relay.example", type: "TXT", value: "v=spf1 ip4:127.0.0.1 -all" },
      ],
    });
    closers.push(() => zone.close());
    const sink = await startMxSink({ resolver: zone.address });
    closers.push(() => sink.close());
    const [startTls = 0, implicit = 0, admin = 0] = await freePorts(3);
    const ports = { startTls, implicit, admin };
    const fleet = join(folder, "fleet.yaml");
    await writeFile(fleet, fleetFile(ports, zone, sink));
    const relay = await startPosthouse(["--manifests", manifests, "--state", state, "--fleet", fleet], {
      host: "127.0.0.1",
      port: admin,
    });
    closers.push(() => relay.stop());
    return {
      zone,
      sink,
      relay,
      manifests,
      state,
      ports,
      run: (...args) => posthouse([...args, "--state", state]),
      async editTenant(change) {
        const file = join(manifests, "tenant.yaml");
        await writeFile(file, change(await readFile(file, "utf8")));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
