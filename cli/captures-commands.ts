import { Command } from "commander";
import { count, fleetFile, json, run, state } from "./flags.ts";

/** `posthouse captures ...`. */
export function capturesCommand(): Command {
  const captures = new Command("captures").description("look at mail that Capture environments kept");
  captures
    .command("list")
    .description("what was captured, newest first")
    .option("--limit <count>", "at most so many rows", count, 100)
    .addOption(state())
    .addOption(fleetFile())
    .addOption(json())
    .action((options: { state: string; fleet?: string; limit: number; json: boolean }) =>
      run(options.json, async (terminal) => (await import("./captures.ts")).listCaptures(options, terminal)),
    );
  captures
    .command("show")
    .description("print one captured message as it would have been sent")
    .argument("<id>", "queue id, as the client was told")
    .addOption(state())
    .addOption(fleetFile())
    .action((id: string, options: { state: string; fleet?: string }) =>
      run(false, async (terminal) => (await import("./captures.ts")).showCapture(id, options, terminal)),
    );
  return captures;
}
