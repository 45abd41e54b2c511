import { Command, InvalidArgumentError, Option } from "commander";
import { durationPattern, parseDuration } from "../runtime/duration.ts";
import { logLevel, run } from "./flags.ts";
import type { OperatorFlags } from "./operator.ts";
import { relayLabels } from "./relay-labels.ts";

/** Names of namespaces, separated by commas. */
function namespaces(text: string): readonly string[] {
  const names = text.split(",").filter((name) => name !== "");
  if (names.length === 0 || !names.every((name) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)))
    throw new InvalidArgumentError("Name namespaces, separated by commas: team-shop,team-web");
  return names;
}

/** Labels and their values, separated by commas: what a pod must have to be shown the operator's token. */
function labels(text: string): string {
  if (!text.split(",").every((part) => /^([-a-z0-9.]+\/)?[-\w.]+=[-\w.]+$/.test(part)))
    throw new InvalidArgumentError("Name labels with their values, separated by commas: app=posthouse,part=relay");
  return text;
}

/** Milliseconds of a duration. */
function duration(text: string): number {
  if (!new RegExp(durationPattern).test(text)) throw new InvalidArgumentError("Write a duration like 15m or 1h30m.");
  return parseDuration(text);
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
    .addOption(
      new Option("--relay-selector <labels>", "labels of the relay pods, which are asked what tenants have used")
        .default(relayLabels)
        .argParser(labels),
    )
    .option(
      "--usage-token <file>",
      "the ServiceAccount token that relay pods are shown; where the chart mounts it when absent",
    )
    .addOption(
      new Option(
        "--orphan-grace <duration>",
        "how long contracts and keys stay whose custom resource is gone; 1h when absent",
      ).argParser(duration),
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
