import { Command } from "commander";
import { count, fleetFile, json, run, state } from "./flags.ts";

/** `posthouse queue ...`. */
export function queueCommand(): Command {
  const queue = new Command("queue").description("look at mail that waits, and try it again now");
  queue
    .command("list")
    .description("what waits, oldest first")
    .option("--limit <count>", "at most so many rows", count, 100)
    .addOption(state())
    .addOption(fleetFile())
    .addOption(json())
    .action((options: { state: string; fleet?: string; limit: number; json: boolean }) =>
      run(options.json, async (terminal) => (await import("./queue.ts")).listQueue(options, terminal)),
    );
  queue
    .command("show")
    .description("one message: its envelope, recipients, attempts and the last reply; never its content")
    .argument("<id>", "queue id, as the client was told")
    .addOption(state())
    .addOption(fleetFile())
    .addOption(json())
    .action((id: string, options: { state: string; fleet?: string; json: boolean }) =>
      run(options.json, async (terminal) => (await import("./queue.ts")).showMessage(id, options, terminal)),
    );
  queue
    .command("retry")
    .description("make messages due now: one, or all of them")
    .argument("[id]", "queue id; everything without it")
    .addOption(state())
    .addOption(fleetFile())
    .addOption(json())
    .action((id: string | undefined, options: { state: string; fleet?: string; json: boolean }) =>
      run(options.json, async (terminal) => (await import("./queue.ts")).retryQueue(id, options, terminal)),
    );
  return queue;
}
