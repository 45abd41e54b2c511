/** The operator and the relay as processes of their own, with what they take of the machine. */
import { readFileSync } from "node:fs";
import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { chartEnvironment, compileAsImage } from "../../harness/compiled.ts";
import type { ControlPlane } from "../../harness/control-plane.ts";
import { daemon } from "../../harness/daemon.ts";
import { freePorts } from "../../harness/posthouse.ts";
import { processorTime } from "../processor-time.ts";

const main = new URL("../../../cli/main.ts", import.meta.url).pathname;

export interface BenchProcess {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** The most resident memory so far, in octets, shared pages and mapped files included: what a memory limit counts, and more. */
  readonly peakRss: () => number;
  /** Milliseconds of processor time so far. */
  readonly processor: () => number;
  /** Body of a page of the admin port; undefined while it does not answer with 200. */
  readonly get: (path: string) => Promise<string | undefined>;
  /** Throws with its last output if it has ended. */
  readonly check: () => void;
  /** SIGTERM; resolves when it has ended. */
  readonly stop: () => Promise<void>;
}

export interface Release {
  readonly namespace: string;
  readonly kubeconfig: string;
}

/** Compiles as the image's build does, for {@link startOperator} and {@link startRelay}. */
export async function compile({ folder }: ControlPlane): Promise<void> {
  await compileAsImage(join(folder, "compiled"));
}

/** As in the component's container of the chart, with a copy of what was compiled: nobody adds to the image's. */
async function environmentOf(
  { folder }: ControlPlane,
  component: "operator" | "relay",
): Promise<Readonly<Record<string, string>>> {
  const cache = await mkdtemp(join(folder, `compiled-${component}-`));
  await cp(join(folder, "compiled"), cache, { recursive: true });
  return { NODE_ENV: "production", ...chartEnvironment(component), NODE_COMPILE_CACHE: cache };
}

/** `posthouse operator` with these settings, elected as with the chart; `profile` is a folder for a processor profile of it. */
export async function startOperator(
  plane: ControlPlane,
  release: Release,
  fleet: object,
  profile?: string,
): Promise<BenchProcess> {
  const profiling = profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profile];
  const program = { profiling, environment: await environmentOf(plane, "operator") };
  return start(plane, ["operator", ...flagsOf(release)], fleet, program);
}

/** `posthouse relay --kubernetes`, with a store and a certificate of its own. */
export async function startRelay(plane: ControlPlane, release: Release, fleet: object): Promise<BenchProcess> {
  const [port = 0] = await freePorts(1);
  const listeners = [{ name: "submissions", host: "127.0.0.1", port, tls: "Implicit" }];
  const state = ["--state", join(plane.folder, "relay")];
  const program = { environment: await environmentOf(plane, "relay") };
  return start(plane, ["relay", "--kubernetes", ...state, ...flagsOf(release)], { ...fleet, listeners }, program);
}

function flagsOf({ namespace, kubeconfig }: Release): readonly string[] {
  return ["--kubeconfig", kubeconfig, "--namespace", namespace];
}

/** How Node is started. */
interface Program {
  readonly profiling?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

async function start(
  plane: ControlPlane,
  args: readonly string[],
  fleet: object,
  { profiling = [], environment }: Program,
): Promise<BenchProcess> {
  const [port = 0] = await freePorts(1);
  const file = join(plane.folder, `${port}.fleet.yaml`);
  await writeFile(file, stringify({ ...fleet, admin: { host: "127.0.0.1", port } }));
  const process = daemon(args[0] ?? "", {
    program: globalThis.process.execPath,
    args: [...profiling, main, ...args, "--fleet", file],
    reaper: plane.reaper,
    environment,
  });
  const startedAt = Date.now();
  await process.start();
  const pid = process.pid();
  return {
    startedAt,
    peakRss: () => peakRss(pid),
    processor: () => processorTime(pid),
    check: process.check,
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
      return response?.ok === true ? response.text() : undefined;
    },
    async stop() {
      globalThis.process.kill(pid, "SIGTERM");
      while (isRunning(process.check)) await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
}

function peakRss(pid: number): number {
  try {
    return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function isRunning(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
