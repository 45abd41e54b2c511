import { Command, InvalidArgumentError, Option } from "commander";
import { logLevel, run } from "./flags.ts";
import type { OperatorFlags } from "./operator.ts";

/** Names of namespaces, separated by commas. */
function namespaces(text: string): readonly string[] {
  const names = text.split(",").filter((name) => name !== "");
  if (names.length === 0 || !names.every((name) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)))
    throw new InvalidArgumentError("Name namespaces, separated by commas: team-shop,team-web");
  return names;
}

/** `posthouse operator`. */
export function operatorCommand(): Command {
  return new Command("operator")
    .description("run the operator on a Kubernetes API server; of several, one works and the others stand by")
    .option("--fleet <file>", "fleet file: hostname, listeners, plans, DNS, admin port; every field has a default")
    .option("--namespace <name>", "where contracts and keys live; the pod's own namespace, or posthouse-system")
    .option("--kubeconfig <file>", "how to reach the API server; as kubectl does, or as a pod does")
    .option(
      "--tls-dir <dir>",
      "a folder that the Secret of the listeners' certificate is mounted to: credentials name what clients must trust",
    )
    .addOption(
      new Option("--tenant-namespaces <names>", "look at these namespaces only, separated by commas").argParser(
        namespaces,
      ),
    )
    .option("--leader-election", "agree by a Lease on the one that works", true)
    .option("--no-leader-election", "work at once; nobody else may")
    .addOption(
      new Option("--identity <name>", "what to call this process in the Lease; the host's name").env("POD_NAME"),
    )
    .addOption(logLevel())
    .action((options: OperatorFlags) =>
      run(false, async (terminal) => (await import("./operator.ts")).operator(options, terminal)),
    );
}
