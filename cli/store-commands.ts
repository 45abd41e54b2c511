import { Command, Option } from "commander";
import { json, run, state } from "./flags.ts";

/** `posthouse store ...`. */
export function storeCommand(): Command {
  const store = new Command("store").description("verify a store, and move what it holds to another engine");
  store
    .command("check")
    .description("verify a store, also while relays run on it; exit 1 if something is wrong")
    .argument("[address]", "address of the store; without it the one of the fleet file, or in the state folder")
    .addOption(state())
    .option("--fleet <file>", "fleet file: its store, redis and durability")
    .option(
      "--repair",
      "of an embedded store that no process uses: keep what can be read in a new file; in a Redis: count anew",
      false,
    )
    .addOption(new Option("--format <format>", "how to print").choices(["text", "json"]).default("text"))
    .action(
      (address: string | undefined, options: { state: string; fleet?: string; repair: boolean; format: string }) =>
        run(options.format === "json", async (terminal) =>
          (await import("./store-check.ts")).checkStore({ ...options, address }, terminal),
        ),
    );
  store
    .command("move")
    .description(
      "carry queued mail and ledger to an empty store, relays stopped; can be run again; exit 1 if sides differ",
    )
    .argument("<from>", "address of a store, as `store` of the fleet file has it: file:PATH, redis://HOST, ...")
    .argument("<to>", "address of another one")
    .option("--fleet <file>", "fleet file: its redis and durability")
    .addOption(json())
    .action((from: string, to: string, options: { fleet?: string; json: boolean }) =>
      run(options.json, async (terminal) =>
        (await import("./store-move.ts")).moveStore({ ...options, from, to }, terminal),
      ),
    );
  store
    .command("unmark")
    .description("let relays run again on a store that was moved away")
    .argument("<address>", "address of the store")
    .option("--fleet <file>", "fleet file: its redis and durability")
    .action((address: string, options: { fleet?: string }) =>
      run(false, async (terminal) =>
        (await import("./store-unmark.ts")).unmarkStore({ ...options, address }, terminal),
      ),
    );
  return store;
}
