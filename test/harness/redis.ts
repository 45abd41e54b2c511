/** A real Redis or Valkey on a free port of loopback, in a folder of its own, that can be stopped, paused and killed. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { spawnBound } from "./bound-process.ts";
import { freePorts } from "./posthouse.ts";
import { until } from "./until.ts";

export type RedisEngine = "redis" | "valkey";

/** Finds or fetches the server. Throws where there is none: the script has said why. */
function programOf(engine: RedisEngine): string {
  const script = new URL(`../setup/${engine}.sh`, import.meta.url).pathname;
  return execFileSync("bash", [script], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

const programs = new Map<RedisEngine, string>();

export interface RedisServerOptions {
  readonly engine?: RedisEngine;
  /** Directives over {@link durable}, as in redis.conf. */
  readonly config?: Readonly<Record<string, string>>;
  readonly replicaOf?: { readonly port: number };
  readonly sentinel?: boolean;
}

/** What Posthouse asks of a Redis. */
export const durable: Readonly<Record<string, string>> = {
  appendonly: "yes",
  appendfsync: "always",
  "maxmemory-policy": "noeviction",
  save: '""',
};

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly pid: () => number;
  /** Sends one command over a connection of its own. */
  readonly ask: (command: string, ...args: readonly (string | number)[]) => Promise<unknown>;
  /** Starts it anew on what it left; waits until it answers. */
  readonly start: () => Promise<void>;
  /** SIGTERM: it writes what it has and ends. */
  readonly stop: () => Promise<void>;
  /** SIGKILL. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: connections stay, nothing is answered. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Kills it and removes its folder. */
  readonly close: () => Promise<void>;
}

function configOf(port: number, folder: string, options: RedisServerOptions): string {
  const directives = options.sentinel === true ? (options.config ?? {}) : { ...durable, ...options.config };
  const lines = Object.entries(directives).map(([name, value]) => `${name} ${value}`);
  if (options.sentinel !== true) lines.push("repl-diskless-sync-delay 0");
  if (options.replicaOf) lines.push(`replicaof 127.0.0.1 ${options.replicaOf.port}`);
  return `bind 127.0.0.1\nport ${port}\ndir ${folder}\ndaemonize no\nlogfile ""\n${lines.join("\n")}\n`;
}

async function askAt(port: number, password: string | undefined, command: readonly string[]): Promise<unknown> {
  const client = new Redis({
    host: "127.0.0.1",
    port,
    ...(password !== undefined && { password }),
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: 1000,
    commandTimeout: 5000,
    retryStrategy: null,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const [name = "PING", ...args] = command;
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

/** Starts a server and waits until it answers. Throws with its output when it ends instead. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { engine = "redis", sentinel = false } = options;
  const program = programs.get(engine) ?? programOf(engine);
  programs.set(engine, program);
  const folder = await mkdtemp(join(tmpdir(), "posthouse-redis-"));
  const [port = 0] = await freePorts(1);
  const file = join(folder, "server.conf");
  await writeFile(file, configOf(port, folder, options));
  const password = options.config?.["requirepass"];
  let child: ChildProcess | undefined;
  let said = "";
  const sweep = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", sweep);

  const ask: RedisServer["ask"] = (command, ...args) => askAt(port, password, [command, ...args.map(String)]);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "exit");
    running.kill(signal);
    // A paused process hears of nothing but this and SIGKILL.
    running.kill("SIGCONT");
    await exited;
  };
  const start = async (): Promise<void> => {
    const args = [file, ...(sentinel ? ["--sentinel"] : [])];
    const started = spawnBound(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    started.stdout?.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-8192)));
    started.stderr?.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-8192)));
    await until(`${engine} answers on ${port}`, async () => {
      if (started.exitCode !== null || started.signalCode !== null) throw new Error(`${engine} ended:\n${said}`);
      return ask("PING").then(
        (answer) => (answer === "PONG" ? true : undefined),
        () => undefined,
      );
    });
  };
  const close = async (): Promise<void> => {
    await end("SIGKILL");
    process.off("exit", sweep);
    await rm(folder, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    host: "127.0.0.1",
    port,
    url: `redis://127.0.0.1:${port}`,
    folder,
    pid: () => child?.pid ?? 0,
    ask,
    start,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    close,
  };
}

/** Starts a replica and waits until it follows its primary. */
export async function startReplica(
  primary: Pick<RedisServer, "port">,
  options: Omit<RedisServerOptions, "replicaOf"> = {},
): Promise<RedisServer> {
  const replica = await startRedis({ ...options, replicaOf: primary });
  await until("the replica follows", async () => {
    const role = await replica.ask("ROLE");
    return Array.isArray(role) && role[3] === "connected" ? true : undefined;
  });
  return replica;
}

/** Starts a Sentinel that watches `primary` under the name `posthouse`, and fails over alone after half a second. */
export async function startSentinel(
  primary: Pick<RedisServer, "host" | "port">,
  config: RedisServerOptions["config"] = {},
): Promise<RedisServer> {
  const sentinel = await startRedis({ sentinel: true, config });
  await sentinel.ask("SENTINEL", "MONITOR", "posthouse", primary.host, primary.port, 1);
  await sentinel.ask("SENTINEL", "SET", "posthouse", "down-after-milliseconds", 500);
  await sentinel.ask("SENTINEL", "SET", "posthouse", "failover-timeout", 2000);
  return sentinel;
}
