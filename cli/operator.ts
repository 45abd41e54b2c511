import process from "node:process";
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
  /** Folder of the listeners' certificate. */
  readonly tlsDir?: string;
  readonly leaderElection: boolean;
  readonly identity?: string;
  readonly logLevel: string;
}

/**
 * `posthouse operator`: the operator on an API server, until a signal comes. Exit code 1 when another leads in its place, 2
 * when a part cannot start.
 */
export async function operator({ namespace, ...flags }: OperatorFlags, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(flags.fleet);
  const contractNamespace = await contractNamespaceOf(namespace);
  const options = {
    ...flags,
    fleet,
    contractNamespace,
    ownNamespace: (await ownNamespace()) ?? contractNamespace,
    deposed: () => process.exit(exitCode.failed),
  };
  return runParts(fleet, flags.logLevel, (starting) => startKubernetesOperator(options, starting), terminal);
}
