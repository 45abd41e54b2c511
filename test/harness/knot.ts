/** A real authoritative name server on loopback: knotd, where the test set-up could find or fetch one. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dnsClient } from "../../net/dns-client.ts";
import type { Endpoint } from "../../net/endpoint.ts";
import { systemClock } from "../../runtime/clock.ts";
import { spawnBound } from "./bound-process.ts";
import { isThere } from "./needed.ts";
import { freePorts } from "./posthouse.ts";
import { until } from "./until.ts";

/** The path of knotd, or undefined where there is none. */
export const knotd = ((): string | undefined => {
  try {
    const script = new URL("../setup/knot.sh", import.meta.url).pathname;
    return execFileSync("bash", [script], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  } catch {
    return undefined;
  }
})();
isThere("a real name server wants knotd, of Knot DNS", knotd !== undefined);

/** A name server of one zone. */
export interface Knot extends Endpoint {
  readonly pid: number;
  /** `host:port`. */
  readonly text: string;
  /** Serves these lines of a zone file, beside SOA and NS, from now on. Resolves when it does. */
  readonly load: (lines: readonly string[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

function config(folder: string, zone: string, at: Endpoint): string {
  return `server:
    rundir: ${folder}
    listen: ${at.address}@${at.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: ${folder}
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: ${folder}
    journal-content: none
    zonefile-load: whole
zone:
  - domain: ${zone}
    file: zone
`;
}

/** Starts a server of `zone` that has nothing but SOA and name servers. Times of the zone are in seconds. */
export async function startKnot(program: string, zone: string, address = "127.0.0.1"): Promise<Knot> {
  const folder = await mkdtemp(join(tmpdir(), "posthouse-knot-"));
  const [port = 0] = await freePorts(1);
  const at = { address, port };
  let serial = 0;
  const write = async (lines: readonly string[]): Promise<void> => {
    const head = `$ORIGIN ${zone}.\n$TTL 1\n@ SOA ns1 hostmaster ${++serial} 3600 600 86400 1\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n`;
    await writeFile(join(folder, "zone"), `${head}${lines.join("\n")}\n`);
  };
  await write([]);
  await writeFile(join(folder, "knot.conf"), config(folder, zone, at));
  const child = spawnBound(program, ["-c", join(folder, "knot.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const closed = once(child, "close");
  const client = dnsClient({ servers: [at], timeout: 500, clock: systemClock });
  const served = (): Promise<true> =>
    until(`knotd serves ${zone}, serial ${serial}`, async () => {
      if (child.exitCode !== null) throw new Error(`knotd ended (${child.exitCode}):\n${errors}`);
      const answer = await client.resolve(zone, "SOA");
      return answer.kind === "Records" && answer.values[0]?.serial === serial ? true : undefined;
    });
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
    await rm(folder, { recursive: true, force: true });
  };
  await served().catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    ...at,
    pid: child.pid ?? 0,
    text: `${address}:${port}`,
    async load(lines) {
      await write(lines);
      child.kill("SIGHUP");
      await served();
    },
    close,
  };
}
