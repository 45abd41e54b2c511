/** `posthouse operator` as a process of its own, on a control plane of tests, with the Roles of the chart. */
import { once } from "node:events";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { chartAccount, type Grant } from "./chart-account.ts";
import type { ControlPlane } from "./control-plane.ts";
import { freePorts } from "./posthouse.ts";
import { until } from "./until.ts";

const main = new URL("../../cli/main.ts", import.meta.url).pathname;

/** In ms: others may build and test on the same cores. */
const patience = 120_000;

export interface OperatorProcess {
  readonly identity: string;
  readonly output: () => string;
  /** Body of a page of the admin port; undefined while it does not answer, or not with 200. */
  readonly get: (path: string) => Promise<string | undefined>;
  /** Resolves when `/readyz` says ok and these words: `leading`, `standing by; WHO`. */
  readonly ready: (what: string) => Promise<void>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Resolves to the exit code when it has ended. */
  readonly ended: () => Promise<number | null>;
}

/** A namespace for a release, with the operator's ServiceAccount, which may do what the chart lets it with this fleet. */
export async function operatorRelease(
  plane: ControlPlane,
  fleet: NonNullable<Grant["fleet"]> = {},
): Promise<{ namespace: string; kubeconfig: string }> {
  const namespace = await plane.namespace();
  return { namespace, kubeconfig: await chartAccount(plane, { namespace, component: "operator", fleet }) };
}

/** Starts one; `fleet` is what its fleet file says beside the admin port. It dies with the control plane. */
export async function startOperatorProcess(
  plane: ControlPlane,
  { namespace, kubeconfig }: { readonly namespace: string; readonly kubeconfig: string },
  fleet: object,
  args: readonly string[] = [],
): Promise<OperatorProcess> {
  const [port = 0] = await freePorts(1);
  const file = join(plane.folder, `operator-${port}.fleet.yaml`);
  await writeFile(file, stringify({ ...fleet, admin: { host: "127.0.0.1", port } }));
  const identity = `operator-${port}`;
  const given = ["--fleet", file, "--kubeconfig", kubeconfig, "--namespace", namespace, "--identity", identity];
  const child = spawn(process.execPath, [main, "operator", ...given, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  plane.reaper.watch(child);
  let said = "";
  const hear = (text: string): void => void (said += text);
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  const closed = once(child, "close");
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const get: OperatorProcess["get"] = async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    return response?.ok === true ? response.text() : undefined;
  };
  return {
    identity,
    output: () => said,
    get,
    async ready(what) {
      await until(
        `the operator is ${what}`,
        async () => {
          if (hasEnded()) throw new Error(`the operator ended:\n${said}`);
          return (await get("/readyz"))?.includes(what) === true ? true : undefined;
        },
        patience,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}:\n${said}`);
      });
    },
    signal: (signal) => void child.kill(signal),
    async ended() {
      if (!hasEnded()) await closed;
      return child.exitCode;
    },
  };
}
