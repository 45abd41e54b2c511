import { Command } from "commander";
import { json, port, run, state } from "./flags.ts";
import type { SendOptions } from "./send.ts";

/** `posthouse send`. */
export function sendCommand(): Command {
  return new Command("send")
    .description("send a test message with a credential and show the dialogue; exit 1 if it is refused")
    .requiredOption("--from <address>", "sender, in envelope and header")
    .requiredOption("--to <address...>", "recipients")
    .option("--secret <namespace/name>", "the Secret in the state folder that Posthouse wrote the credential to")
    .addOption(state())
    .option("--secret-dir <dir>", "a folder that such a Secret is mounted to, instead of --secret")
    .option("--password-file <file>", "a file with the API key, instead of --secret; give a --host")
    .option("--host <name>", "another relay than the Secret's; its certificate must still be the Secret's")
    .option("--port <port>", "another port than the Secret's, or than 587", port)
    .option("--username <name>", "another user name than the Secret's, or than apikey")
    .option("--ca-file <file>", "PEM file of certificates to trust, instead of the Secret's")
    .option("--implicit-tls", "TLS from the first byte instead of STARTTLS; give its --port", false)
    .option("--subject <text>", "the Subject", "Test message from Posthouse")
    .addOption(json())
    .action((options: SendOptions & { json: boolean }) =>
      run(options.json, async (terminal) => (await import("./send.ts")).send(options, terminal)),
    );
}
