/** A program that runs in the background of a test: started and waited for, killed, paused and started anew. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Reaper } from "./reaper.ts";
import { until } from "./until.ts";

export interface Daemon {
  readonly pid: () => number;
  /** The end of what it wrote. */
  readonly output: () => string;
  /** Throws with its output when it has ended. */
  readonly check: () => void;
  /** Starts it, also anew, and waits until it is ready. Throws with its output when it ends instead. */
  readonly start: () => Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: connections stay, nothing is answered. */
  readonly pause: () => void;
  readonly resume: () => void;
}

export interface DaemonOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly reaper: Reaper;
  /** Environment variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Asked every 50 ms until it is true. Default: ready at once. */
  readonly ready?: () => Promise<boolean>;
}

/** Time to get ready in, in ms: others may build and test on the same cores. */
const patience = 120_000;

export function daemon(name: string, options: DaemonOptions): Daemon {
  let child: ChildProcess | undefined;
  let said = "";
  const hear = (text: string): void => {
    said = `${said}${text}`.slice(-16_384);
  };
  const running = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  const check = (): void => {
    if (!running()) throw new Error(`${name} ended:\n${said}`);
  };
  return {
    pid: () => child?.pid ?? 0,
    output: () => said,
    check,
    async start() {
      const { program, args, environment = {} } = options;
      const env = { ...process.env, ...environment };
      const started = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env });
      child = options.reaper.watch(started);
      started.on("error", (error) => hear(String(error)));
      started.stdout.setEncoding("utf8").on("data", hear);
      started.stderr.setEncoding("utf8").on("data", hear);
      const { ready } = options;
      if (ready === undefined) return;
      const probe = async (): Promise<true | undefined> => {
        check();
        return (await ready().catch(() => false)) || undefined;
      };
      await until(`${name} is ready`, probe, patience);
    },
    async kill() {
      const killed = child;
      if (killed === undefined || !running()) return;
      const exited = once(killed, "exit");
      killed.kill("SIGKILL");
      await exited;
    },
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
  };
}
