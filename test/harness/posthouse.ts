/** Runs the real command line in child processes, as a user would. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { spawnBound } from "./bound-process.ts";

const main = new URL("../../cli/main.ts", import.meta.url).pathname;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `posthouse ARGS...` to its end. */
export async function posthouse(args: readonly string[], input?: string): Promise<Finished> {
  const child = spawnBound(process.execPath, [main, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin?.end(input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}

/** A `posthouse up` that runs. */
export interface Running {
  readonly pid: number;
  /** Everything it wrote so far: log lines and events, one JSON object a line. */
  output(): string;
  /** SIGTERM, then waits for the end; SIGKILL after ten seconds. Resolves to the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL, then waits for the end. */
  kill(): Promise<void>;
}

/** Starts `posthouse up ARGS...` (or another command that goes on) and waits until `http://ready/readyz` says so. Throws with its output when it ends before. */
export async function startPosthouse(
  args: readonly string[],
  ready: { host: string; port: number },
  command: "up" | "relay" = "up",
): Promise<Running> {
  const child = spawnBound(process.execPath, [main, command, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const chunks: string[] = [];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => void chunks.push(text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => void chunks.push(text));
  const closed = once(child, "close");
  const reap = (): void => void child.kill("SIGKILL");
  const deadline = Date.now() + 60_000;
  while (!(await answers(ready))) {
    if (hasEnded(child)) throw new Error(`posthouse ${command} ended (${String(child.exitCode)}):\n${chunks.join("")}`);
    if (Date.now() > deadline) {
      reap();
      throw new Error(`posthouse ${command} was not ready after 60 s:\n${chunks.join("")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    pid: child.pid ?? 0,
    output: () => chunks.join(""),
    async stop() {
      const late = setTimeout(reap, 10_000);
      child.kill("SIGTERM");
      if (!hasEnded(child)) await closed;
      clearTimeout(late);
      return child.exitCode;
    },
    async kill() {
      child.kill("SIGKILL");
      if (!hasEnded(child)) await closed;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function answers({ host, port }: { host: string; port: number }): Promise<boolean> {
  return fetch(`http://${host}:${port}/readyz`).then(
    (response) => response.ok,
    () => false,
  );
}

/** As many different TCP ports of 127.0.0.1 as asked for, free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
