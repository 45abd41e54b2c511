/** A world around a control plane: a DNS zone, a mail server that verifies, and what the chart has to know of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { ControlPlane } from "./control-plane.ts";
import { startMxSink, type MxSink } from "./mx-sink.ts";
import { startZoneServer, type ZoneServer } from "./zone-server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Parts of a fleet file. */
interface WorldFleet {
  readonly spf: object;
  readonly dns: object;
  readonly delivery: object;
}

export interface KubernetesWorld {
  readonly zone: ZoneServer;
  readonly sink: MxSink;
  /** What a fleet file says of them. */
  readonly fleet: WorldFleet;
  /** Arguments of helm that name the harness's values. */
  readonly values: readonly string[];
  /** Where commands run: a folder that has the charts and the docs. */
  readonly folder: string;
  /** Runs a shell command as a user of the admin's kubeconfig in that folder. Throws with its output unless it succeeds. */
  shell(command: string): Promise<string>;
  /** Publishes what the report of a SendingDomain asks for. Throws when there is no report yet. */
  publishRecords(namespace: string, name: string): Promise<void>;
  close(): Promise<void>;
}

/** With the zone above, which is asked for what a domain inherits. */
const zones = ["example", "shop.example", "friend.example", "relay.example"].map((name) => ({
  name,
  ttl: 1,
  minimum: 1,
}));

interface Report {
  readonly status?: { readonly records?: readonly { readonly fqdn: string; readonly value: string }[] };
}

/** What mail meets beyond a relay. */
export type Receivers = Pick<KubernetesWorld, "zone" | "sink" | "fleet" | "close">;

/** Starts a DNS and a mail server. Mail for `friend.example` comes to the sink. */
export async function startReceivers(): Promise<Receivers> {
  const zone = await startZoneServer({
    zones,
    records: [
      { name: "friend.example", type: "MX", value: { preference: 10, exchange: "mx.friend.example" } },
      { name: "mx.friend.example", type: "A", value: "127.0.0.1" },
      { name: "_spf.relay.example", type: "TXT", value: "v=spf1 ip4:127.0.0.1 -all" },
    ],
  });
  const sink = await startMxSink({ resolver: zone.address });
  const close = async (): Promise<void> => {
    await sink.close();
    await zone.close();
  };
  return { zone, sink, fleet: fleetOf(zone, sink), close };
}

/** Starts the receivers, and tells the chart of them. */
export async function startKubernetesWorld(controlPlane: ControlPlane): Promise<KubernetesWorld> {
  const receivers = await startReceivers();
  const { zone, fleet } = receivers;
  const folder = join(controlPlane.folder, "user");
  await mkdir(folder);
  for (const name of ["charts", "docs"]) await symlink(join(root, name), join(folder, name));
  const file = join(folder, "fleet.json");
  await writeFile(file, JSON.stringify({ fleet }));
  return {
    ...receivers,
    folder,
    values: ["--values", join(root, "test/harness/kubelet/values.yaml"), "--values", file],
    shell: (command) => shell(command, controlPlane, folder),
    async publishRecords(namespace, name) {
      const path = `/apis/posthouse.dev/v1alpha1/namespaces/${namespace}/sendingdomains/${name}`;
      const { body } = await controlPlane.ask({ path });
      const { records } = (body as Report).status ?? {};
      if (records === undefined) throw new Error(`there is no report of ${namespace}/${name}`);
      zone.publish(...records.map(({ fqdn, value }) => ({ name: fqdn, type: "TXT" as const, value })));
    },
  };
}

/** An impatient operator, and receivers on loopback. */
function fleetOf(zone: ZoneServer, sink: MxSink): WorldFleet {
  return {
    spf: { include: "_spf.relay.example" },
    dns: {
      resolvers: [zone.address],
      authorities: [{ zone: "example", servers: [zone.address] }],
      activationDelay: "0s",
      checkInterval: "2s",
      missingInterval: "200ms",
      missingIntervalMax: "1s",
    },
    delivery: { port: sink.port, allowNetworks: ["127.0.0.0/8"] },
  };
}

async function shell(command: string, { bin, folder, kubeconfig, reaper }: ControlPlane, cwd: string): Promise<string> {
  const env = {
    PATH: `${bin}:${process.env["PATH"] ?? ""}`,
    HOME: join(folder, "home"),
    KUBECONFIG: kubeconfig,
    TMPDIR: folder,
  };
  const child = reaper.watch(spawn("bash", ["-c", command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] }));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (child.exitCode !== 0) throw new Error(`${command}\n${stdout}${stderr}`);
  return stdout;
}
