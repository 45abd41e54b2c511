import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLogger } from "../../../runtime/log.ts";
import { freePorts } from "../../../test/harness/posthouse.ts";
import { keepUntilEnd } from "../../../test/harness/kept.ts";
import { startRedis, startReplica, startSentinel } from "../../../test/harness/redis.ts";
import { connectTestRedis } from "../../../test/harness/redis-store.ts";
import { testCertificate } from "../../../test/harness/smarthost.ts";
import { until } from "../../../test/harness/until.ts";
import { selfSignedCertificate } from "../../session/self-signed.ts";
import type { ConnectOptions, WatchedRedis } from "./connect.ts";
import { defineScript } from "./script.ts";

let folder: string;
let tls: Readonly<Record<string, string>>;
let ca: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "posthouse-redis-tls-"));
  const files = await selfSignedCertificate(folder, "redis.example", Date.now());
  ca = await readFile(files.certificateFile, "utf8");
  tls = {
    "tls-cert-file": files.certificateFile,
    "tls-key-file": files.keyFile,
    "tls-ca-cert-file": files.certificateFile,
    "tls-auth-clients": "no",
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const kept = keepUntilEnd();

function connect(url: string, changes: Partial<ConnectOptions> = {}): Promise<WatchedRedis> {
  return kept(connectTestRedis(url, changes));
}

function withPassword(server: string, sentinel?: string): Pick<ConnectOptions, "passwords"> {
  return { passwords: { server: async () => server, sentinel: async () => sentinel } };
}

/** A logger that keeps everything that is written. */
function listening(): { readonly log: ConnectOptions["log"]; readonly said: () => string } {
  let text = "";
  const log = createLogger({ level: "trace", destination: { write: (line) => void (text += line) } });
  return { log, said: () => text };
}

describe("over TLS", () => {
  test("a server is used whose certificate an authority of the fleet file has signed, and comes back", async () => {
    const [port = 0] = await freePorts(1);
    const server = await kept(startRedis({ config: { ...tls, "tls-port": String(port), requirepass: "hunter2" } }));
    const redis = await connect(`rediss://127.0.0.1:${port}/2`, { ca, ...withPassword("hunter2") });
    expect(await redis.commit([{ command: "SET", args: ["a", "1"] }])).toEqual([Buffer.from("OK")]);
    await server.kill();
    await server.start();
    await until("it is ready", async () => ((await redis.ready()) ? true : undefined), 15_000);
    expect(await redis.command("GET", "a")).toEqual(Buffer.from("1"));
    expect(await server.ask("INFO", "keyspace")).toMatch(/db2:keys=1/);
  });

  test(
    "a server is refused that nobody vouches for, or that has another's certificate",
    { timeout: 20_000 },
    async () => {
      const other = await testCertificate("redis.example");
      const files = { "tls-cert-file": join(folder, "other.pem"), "tls-key-file": join(folder, "other-key.pem") };
      await writeFile(files["tls-cert-file"], other.cert);
      await writeFile(files["tls-key-file"], other.key);
      const [port = 0, otherPort = 0] = await freePorts(2);
      await kept(startRedis({ config: { ...tls, "tls-port": String(port) } }));
      await kept(startRedis({ config: { ...tls, ...files, "tls-port": String(otherPort) } }));
      await Promise.all([
        expect(connect(`rediss://127.0.0.1:${port}`)).rejects.toThrow(/SELF_SIGNED/),
        expect(connect(`rediss://127.0.0.1:${otherPort}`, { ca: other.authority })).rejects.toThrow(/ALTNAME/),
      ]);
    },
  );

  test("a failover by Sentinels that want TLS and passwords is followed", { timeout: 30_000 }, async () => {
    const [first = 0, second = 0, watcher = 0] = await freePorts(3);
    const secured = { ...tls, "tls-replication": "yes", requirepass: "hunter2", masterauth: "hunter2" };
    const primary = await kept(startRedis({ config: { ...secured, "tls-port": String(first) } }));
    const replica = await kept(
      startReplica({ ...primary, port: first }, { config: { ...secured, "tls-port": String(second) } }),
    );
    const sentinel = await kept(
      startSentinel(
        { ...primary, port: first },
        { ...tls, "tls-replication": "yes", "tls-port": String(watcher), requirepass: "watch" },
      ),
    );
    await sentinel.ask("SENTINEL", "SET", "posthouse", "auth-pass", "hunter2");
    const url = `rediss+sentinel://127.0.0.1:${watcher}/posthouse`;
    const redis = await connect(url, { durability: "Declared", ca, ...withPassword("hunter2", "watch") });
    await redis.command("SET", "a", "1");
    await until("the Sentinel knows the replica", async () => {
      const known = await sentinel.ask("SENTINEL", "REPLICAS", "posthouse");
      return Array.isArray(known) && known.length === 1 && (await replica.ask("GET", "a")) === "1" ? true : undefined;
    });
    await primary.kill();
    await until("the new primary is used", () => redis.command("SET", "a", "2").catch(() => undefined), 15_000);
    expect(await replica.ask("GET", "a")).toBe("2");
  });
});

describe("a password", () => {
  test(
    "that is changed is taken at the next connection, and stands in no log and no error",
    { timeout: 40_000 },
    async () => {
      const server = await kept(startRedis({ config: { requirepass: "hunter2" } }));
      const { log, said } = listening();
      let password = "hunter2";
      const passwords = { server: async () => password, sentinel: async () => undefined };
      const redis = await connect(server.url, { log, passwords });
      // Redis asks for the new one before the file has it.
      const admin = await connect(server.url, withPassword("hunter2"));
      await admin.command("CONFIG", "SET", "requirepass", "hunter3");
      await admin.command("CLIENT", "KILL", "TYPE", "normal");
      await until("it is refused", async () => /WRONGPASS/.test(redis.condition().refuses ?? "") || undefined, 15_000);
      const refused = await redis.command("GET", "a").catch((error: unknown) => error);
      log.error({ err: refused, condition: redis.condition() }, "asked");
      password = "hunter3";
      await until("it is let in", async () => ((await redis.ready()) ? true : undefined), 15_000);
      expect(said()).not.toMatch(/hunter/);
    },
  );

  test("and what else was sent stands in no error of Redis", async () => {
    const server = await kept(startRedis());
    const redis = await connect(server.url);
    const broken = defineScript("broken", "#!lua\nreturn 'a' .. nil");
    const error: unknown = await redis.run(broken, ["k"], ["Dear Anna"]).catch((reason: unknown) => reason);
    const { log, said } = listening();
    log.error({ err: error }, "cannot spool a message");
    expect(said()).toMatch(/attempt to concatenate/);
    expect(said()).not.toContain("Dear Anna");
  });
});

test("a database that there is none of is not the first one", async () => {
  const server = await kept(startRedis());
  await expect(connect(`${server.url}/200`)).rejects.toThrow(/cannot be used: it has no database 200/);
});

async function refusal(url: string): Promise<string> {
  return connect(url).then(() => "", String);
}

test("a server with too many clients says so, where its answer can be read", { timeout: 20_000 }, async () => {
  const server = await kept(startRedis({ config: { maxclients: "1" } }));
  await connect(server.url);
  // Redis closes the connection behind its answer; where that is noticed first there is nothing to say but that.
  expect(await refusal(server.url)).toMatch(/too many clients|cannot be reached: (ECONNRESET|EPIPE)/);
});
