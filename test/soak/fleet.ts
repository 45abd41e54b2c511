/** A fleet on loopback: a Redis, a `posthouse up`, relays beside it, a DNS zone, and a server that takes what they bring. */
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FollowedFolder, followState } from "../../cluster/folder/follow-state.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { proveDomain } from "../harness/domain-report.ts";
import { freePorts, type Running, startPosthouse } from "../harness/posthouse.ts";
import { type RedisServer, startRedis } from "../harness/redis.ts";
import { startZoneServer, type ZoneServer } from "../harness/zone-server.ts";

export interface FleetOptions {
  readonly relays: number;
  /** Lease of a delivery, as the fleet file has it. */
  readonly lease: string;
  /** TCP port of the receiving server. */
  readonly sink: number;
  /** The manifests to begin with, in one file. */
  readonly manifests: string;
  /** Gets what a process said, all of it, when it has ended. */
  readonly onOutput?: (relay: string, output: string) => void;
}

/** A process that takes and delivers mail. */
export interface Relay {
  /** Its `hostname`: what it says in EHLO. */
  readonly name: string;
  /** Port of submission over TLS. */
  readonly port: number;
  /** The process, or undefined while there is none. */
  running(): Running | undefined;
  /** Starts it, for `patience` milliseconds again when it cannot: its store may be away. */
  start(patience?: number): Promise<void>;
  kill(): Promise<void>;
}

export interface Fleet {
  readonly redis: RedisServer;
  readonly up: Relay;
  readonly relays: readonly Relay[];
  /** Replaces the manifests, at one stroke. */
  write(manifests: string): Promise<void>;
  /** What an application's Secret holds now, or undefined before there is one. */
  secret(namespace: string, name: string): Readonly<Record<string, string>> | undefined;
  /** Publishes the records that Posthouse reports for a SendingDomain, once it does, and waits until its keys sign. */
  prove(namespace: string, name: string): Promise<void>;
  /** Ends every process, removes every file. */
  close(): Promise<void>;
}

const fileName = "tenants.yaml";
const recipientDomains = ["friend.example", "peer.example", "colleague.example"];

async function startZone(): Promise<ZoneServer> {
  const names = ["example", "open.example", "daily.example", "once.example", "soak.example", ...recipientDomains];
  return startZoneServer({
    // A key signs when its record has been seen for as long as others may remember that there was none.
    zones: names.map((name) => ({ name, ttl: 1, minimum: 1 })),
    records: recipientDomains.flatMap((domain) => [
      { name: domain, type: "MX" as const, value: { preference: 10, exchange: `mx.${domain}` } },
      { name: `mx.${domain}`, type: "A" as const, value: "127.0.0.1" },
    ]),
  });
}

interface Ports {
  readonly mail: number;
  readonly admin: number;
}

/** The fleet file of one process. */
function fleetFile(name: string, ports: Ports, common: object): string {
  return JSON.stringify({
    hostname: name,
    listeners: [{ name: "submissions", host: "127.0.0.1", port: ports.mail, tls: "Implicit" }],
    admin: { host: "127.0.0.1", port: ports.admin },
    ...common,
  });
}

function commonSettings(options: FleetOptions, redis: RedisServer, zone: ZoneServer): object {
  return {
    store: redis.url,
    limits: { failedAuthenticationDelay: "100ms" },
    capture: { maxMessages: 100_000, maxOctets: 1_073_741_824 },
    spf: { include: "_spf.soak.example" },
    dns: {
      resolvers: [zone.address],
      authorities: [{ zone: "example", servers: [zone.address] }],
      activationDelay: "0s",
      checkInterval: "2s",
      missingInterval: "200ms",
      missingIntervalMax: "1s",
    },
    delivery: {
      port: options.sink,
      allowNetworks: ["127.0.0.0/8"],
      lease: options.lease,
      unreachableFor: "1s",
      retry: { delays: ["1s", "2s"] },
    },
  };
}

/** Starts everything and waits until it is ready; ends what it started when that fails. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), "posthouse-soak-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const zone = await startZone();
    closers.push(() => zone.close());
    const redis = await startRedis({ config: { maxmemory: "1gb" } });
    closers.push(() => redis.close());
    const [state, manifests] = [join(folder, "state"), join(folder, "manifests")];
    await mkdir(manifests);
    await writeFile(join(manifests, fileName), options.manifests);
    const common = commonSettings(options, redis, zone);
    const names = ["up", ...Array.from({ length: options.relays }, (_, i) => `r${i + 1}`)];
    const ports = await freePorts(2 * names.length);
    const relays = await Promise.all(
      names.map(async (short, i) => {
        const name = `${short}.soak.example`;
        const [mail = 0, admin = 0] = ports.slice(2 * i);
        const file = join(folder, `${short}.json`);
        await writeFile(file, fleetFile(name, { mail, admin }, common));
        const args = ["--state", state, "--fleet", file];
        const command = short === "up" ? "up" : "relay";
        if (command === "up") args.push("--manifests", manifests);
        return relayOf(
          { name, port: mail, start: () => startPosthouse(args, { host: "127.0.0.1", port: admin }, command) },
          options,
        );
      }),
    );
    const [up, ...others] = relays;
    if (up === undefined) throw new Error("no process was asked for");
    closers.push(() => Promise.all(relays.map((relay) => relay.stop())));
    await up.start();
    await Promise.all(others.map((relay) => relay.start()));
    const cluster = await followState({ state, clock: systemClock, log: silent });
    closers.push(() => cluster.close());
    return { redis, up, relays: others, ...editsOf(manifests, state, zone), secret: secretsOf(cluster), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Milliseconds: other tests may want the cores too. */
const slowest = 60_000;

const silent = createLogger({ level: "silent", destination: { write: () => undefined } });

function secretsOf(cluster: FollowedFolder): Fleet["secret"] {
  return (namespace, name) => {
    const secret = cluster.get({ kind: "Secret", namespace, name });
    return secret !== undefined && "data" in secret ? secret.data : undefined;
  };
}

function editsOf(manifests: string, state: string, zone: ZoneServer): Pick<Fleet, "write" | "prove"> {
  return {
    async write(text) {
      await writeFile(`${manifests}.new`, text);
      await rename(`${manifests}.new`, join(manifests, fileName));
    },
    prove: (namespace, name) => proveDomain({ state, namespace, name }, zone, slowest),
  };
}

interface Startable {
  readonly name: string;
  readonly port: number;
  readonly start: () => Promise<Running>;
}

function relayOf({ name, port, start }: Startable, { onOutput }: FleetOptions): Relay & { stop(): Promise<void> } {
  let running: Running | undefined;
  const closed = new AbortController();
  const end = async (how: "kill" | "stop"): Promise<void> => {
    const ending = running;
    running = undefined;
    await ending?.[how]();
    if (ending) onOutput?.(name, ending.output());
  };
  return {
    name,
    port,
    running: () => running,
    async start(patience = 0) {
      const deadline = Date.now() + patience;
      while (running === undefined && !closed.signal.aborted) {
        const started = await start().catch(async (error: unknown) => {
          if (Date.now() > deadline) throw error;
          await sleep(250);
        });
        if (closed.signal.aborted) await started?.kill();
        else if (started) running = started;
      }
    },
    kill: () => end("kill"),
    async stop() {
      closed.abort();
      await end("stop");
    },
  };
}
