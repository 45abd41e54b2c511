/** The processes of one container, in namespaces of their own for mounts, processes, host name and IPC. */
import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { spawnBound } from "../bound-process.ts";
import { rootScript, quote, type RootFilesystem } from "./root-filesystem.ts";

/** Who a container runs as, and what it may. */
export interface Privileges {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly mayGain: boolean;
  readonly dropsAll: boolean;
  /** May listen on ports below 1024. */
  readonly bindsLowPorts: boolean;
}

export interface ContainerSpec {
  readonly root: RootFilesystem;
  readonly privileges: Privileges;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** Its standard output and error are appended here. */
  readonly logFile: string;
}

/** How a container ended. */
export interface Ended {
  /** 128 + the signal's number when a signal ended it. */
  readonly exitCode: number;
  readonly signal?: number;
}

export interface ContainerProcess {
  /** Resolves when the container's own command runs. */
  readonly started: Promise<void>;
  readonly ended: Promise<Ended>;
  /** To its first process; the others go with that one. */
  signal(name: NodeJS.Signals): void;
  /** Runs a command inside; resolves to its exit code, or undefined when it took longer than `timeout` ms. */
  exec(command: readonly string[], timeout: number): Promise<number | undefined>;
}

/** The kubelet's own tools, whatever the container's PATH is. */
const toolEnv = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/** Starts a container. It dies with the kubelet. */
export function startContainer(spec: ContainerSpec): ContainerProcess {
  // A line on file descriptor 3 says that the root is made and the command takes over; 4 is the log.
  const words = asUser(spec, spec.argv).map(quote).join(" ");
  const script = `exec >&4 2>&4 4>&-\n${rootScript(spec.root)}\necho >&3\nexec 3>&-\nexec ${words}`;
  const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--uts", "--ipc"];
  const log = openSync(spec.logFile, "a", 0o666);
  const child = start("unshare", [...namespaces, "sh", "-c", script], ["ignore", "ignore", "pipe", "pipe", log]);
  closeSync(log);
  const gate = child.stdio[3];
  const ended = endOf(child);
  return {
    started: gate ? Promise.race([once(gate, "data"), ended]).then(() => undefined) : Promise.resolve(),
    ended,
    signal(name) {
      const first = firstProcess(child);
      if (first !== undefined) kill(first, name);
      else if (name === "SIGKILL") child.kill(name);
    },
    exec: (command, timeout) => runInside(firstProcess(child), asUser(spec, command), timeout),
  };
}

function start(command: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
  return spawnBound(command, args, { stdio, env: toolEnv });
}

/** The command behind a change of user, of folder and of the whole environment. */
function asUser({ privileges, env, workingDir }: ContainerSpec, command: readonly string[]): readonly string[] {
  const { uid, gid, groups, mayGain } = privileges;
  return [
    "/usr/bin/setpriv",
    `--reuid=${uid}`,
    `--regid=${gid}`,
    groups.length > 0 ? `--groups=${groups.join(",")}` : "--clear-groups",
    ...(mayGain ? [] : ["--no-new-privs"]),
    ...capabilitiesOf(privileges),
    "/usr/bin/env",
    `--chdir=${workingDir}`,
    "--ignore-environment",
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...command,
  ];
}

function capabilitiesOf({ dropsAll, bindsLowPorts }: Privileges): readonly string[] {
  const low = "+net_bind_service";
  if (bindsLowPorts)
    return [`--inh-caps=-all,${low}`, `--ambient-caps=${low}`, ...(dropsAll ? [`--bounding-set=-all,${low}`] : [])];
  return dropsAll ? ["--bounding-set=-all", "--inh-caps=-all"] : [];
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  try {
    await once(child, "close");
  } catch {
    return { exitCode: 128 };
  }
  const { exitCode, signalCode } = child;
  // Older versions of unshare cannot end by the signal that ended their child when it is this one.
  if (exitCode === 1 && complaint.includes("sigprocmask")) return { exitCode: 137, signal: 9 };
  if (signalCode === null) return { exitCode: exitCode ?? 128 };
  const signal = signalNumber[signalCode] ?? 9;
  return { exitCode: 128 + signal, signal };
}

const signalNumber: Readonly<Record<string, number>> = { SIGTERM: 15, SIGKILL: 9, SIGSEGV: 11, SIGABRT: 6, SIGINT: 2 };

/** The one child of `unshare`: process 1 of the container. */
function firstProcess({ pid }: ChildProcess): number | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    return first === undefined || first === "" ? undefined : Number(first);
  } catch {
    return undefined;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

async function runInside(
  pid: number | undefined,
  command: readonly string[],
  timeout: number,
): Promise<number | undefined> {
  if (pid === undefined) return 1;
  const namespaces = ["--target", String(pid), "--mount", "--uts", "--ipc", "--pid", "--root", "--wd"];
  const child = start("nsenter", [...namespaces, "--", ...command], "ignore");
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeout);
  const { exitCode } = await endOf(child);
  clearTimeout(timer);
  return isLate ? undefined : exitCode;
}
