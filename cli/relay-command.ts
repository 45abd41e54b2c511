import { Command, Option } from "commander";
import { logLevel, run, state } from "./flags.ts";
import type { RelayOptions } from "./relay.ts";

/** `posthouse relay`. */
export function relayCommand(): Command {
  return new Command("relay")
    .description(
      "run a relay: beside posthouse up on its state folder and the Redis that both fleet files name, or with --kubernetes on the contracts of an API server",
    )
    .addOption(state())
    .option("--fleet <file>", "fleet file: listeners and admin port of its own, and the store of the others")
    .option("--kubernetes", "contracts and keys come from an API server", false)
    .option("--namespace <name>", "with --kubernetes: where they live; the pod's own namespace, or posthouse-system")
    .option("--kubeconfig <file>", "with --kubernetes: how to reach it; as kubectl does, or as a pod does")
    .addOption(
      new Option(
        "--usage-reader <namespace/name>",
        "with --kubernetes: the operator's ServiceAccount, which may read /v1/usage; nobody without",
      ).env("POSTHOUSE_USAGE_READER"),
    )
    .addOption(logLevel())
    .action((options: RelayOptions) =>
      run(false, async (terminal) => (await import("./relay.ts")).relay(options, terminal)),
    );
}
