import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { contractNamespaceOf, ownNamespace } from "./contract-namespace.ts";
import { startKubernetesOperator } from "./kubernetes-operator.ts";
import { loadFleet } from "./load-fleet.ts";
import { runParts } from "./run-parts.ts";
import { exitCode, type Terminal } from "./terminal.ts";

export interface OperatorFlags {
  readonly fleet?: string;
  /** The contract namespace. */
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly tenantNamespaces?: readonly string[];
  /** Labels of the relay pods. */
  readonly relaySelector: string;
  /** File of the token that these are shown. */
  readonly usageToken?: string;
  /** Milliseconds that what a custom resource leaves stays. */
  readonly orphanGrace?: number;
  /** Folder of the listeners' certificate. */
  readonly tlsDir?: string;
  readonly leaderElection: boolean;
  readonly identity?: string;
  readonly logLevel: string;
}

/**
 * Milliseconds that a part may take to stop: half of what a pod of the chart has, since one that cannot end leaves something to
 * those that stop after it.
 */
const stopDeadline = 15_000;

/**
 * How much larger than what it keeps the heap becomes before garbage is collected, in percent. V8 lets a heap of this size
 * double; what ten thousand domains come to stays for long, and little of it is made anew.
 */
const heapGrowth = 25;

/**
 * `posthouse operator`: the operator on an API server, until a signal comes. Exit code 1 when another leads in its place, 2
 * when a part cannot start.
 */
export async function operator({ namespace, ...flags }: OperatorFlags, terminal: Terminal): Promise<number> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowth}`);
  const fleet = await loadFleet(flags.fleet);
  const contractNamespace = await contractNamespaceOf(namespace);
  const options = {
    ...flags,
    fleet,
    contractNamespace,
    ownNamespace: (await ownNamespace()) ?? contractNamespace,
    deposed: () => process.exit(exitCode.failed),
  };
  return runParts(stopDeadline, flags.logLevel, (starting) => startKubernetesOperator(options, starting), terminal);
}
