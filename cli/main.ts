#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import type { FormatName } from "../operator/hand-over/formats.ts";
import { capturesCommand } from "./captures-commands.ts";
import { json, logLevel, run, state } from "./flags.ts";
import { operatorCommand } from "./operator-command.ts";
import { queueCommand } from "./queue-commands.ts";
import { relayCommand } from "./relay-command.ts";
import { sendCommand } from "./send-command.ts";
import { storeCommand } from "./store-commands.ts";
import { exitCode, UserError, type Terminal } from "./terminal.ts";

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const manifest: unknown = JSON.parse(text);
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "0";
}

function upCommand(): Command {
  return new Command("up")
    .description("run operator and relay in one process, on a folder of YAML")
    .requiredOption("--manifests <dir>", "folder with RelayTenant and SendingDomain manifests; watched")
    .addOption(state())
    .option("--fleet <file>", "fleet file: listeners, limits, plans, DNS; every field has a default")
    .addOption(logLevel())
    .action((options: { manifests: string; state: string; fleet?: string; logLevel: string }) =>
      run(false, async (terminal) => (await import("./up.ts")).up(options, terminal)),
    );
}

function validateCommand(): Command {
  return new Command("validate")
    .description("check manifests as the API server would; exit 1 if one is refused")
    .argument("<file...>", "files or folders; - for standard input")
    .addOption(json())
    .action((files: string[], options: { json: boolean }) =>
      run(options.json, async (terminal) => (await import("./validate.ts")).validateFiles(files, terminal)),
    );
}

interface DnsFlags {
  readonly state: string;
  readonly format: FormatName;
  /** True without a file. */
  readonly fleet?: string | true;
}

async function dns(domain: string | undefined, options: DnsFlags, terminal: Terminal): Promise<number> {
  const { fleet, format } = options;
  if (fleet === undefined) {
    if (domain === undefined) throw new UserError("name a domain, or say --fleet");
    return (await import("./dns.ts")).showDns(domain, options, terminal);
  }
  if (domain !== undefined) throw new UserError("a domain and --fleet are two questions; ask one at a time");
  if (format !== "text" && format !== "json") throw new UserError(`--fleet knows text and json, not ${format}`);
  return (await import("./fleet-dns.ts")).showFleetDns(
    { file: fleet === true ? undefined : fleet, state: options.state },
    terminal,
  );
}

function doctorCommand(): Command {
  return new Command("doctor")
    .description("check fleet file, certificate, ports, DNS, clock and disk; exit 1 if something is wrong")
    .option("--fleet <file>", "the fleet file that posthouse up is to get")
    .option("--probe <host...>", "hosts that take mail, host or host:port, to be connected to", [])
    .addOption(state())
    .addOption(json())
    .action((options: { fleet?: string; probe: string[]; state: string; json: boolean }) =>
      run(options.json, async (terminal) => (await import("./doctor/doctor.ts")).doctor(options, terminal)),
    );
}

function dnsCommand(): Command {
  return new Command("dns")
    .description("show the DNS records to publish and what DNS shows; exit 1 while a required one is not Valid")
    .argument("[domain]", "the domain of a SendingDomain")
    .option(
      "--fleet [file]",
      "check the fleet's own SPF name, PTR, EHLO host name and shared domain in live DNS instead; a fleet file",
    )
    .addOption(state())
    .addOption(
      new Option("--format <format>", "how to print: for people, or for what publishes the records")
        .choices(["text", "bind", "terraform", "json", "octodns"] satisfies FormatName[])
        .default("text"),
    )
    .addOption(new Option("--json", "the same as --format json").implies({ format: "json" }))
    .action((domain: string | undefined, options: DnsFlags) =>
      run(options.format === "json", async (terminal) => dns(domain, options, terminal)),
    );
}

function secretCommand(): Command {
  return new Command("secret")
    .description("print a credential that Posthouse wrote: one key of the Secret, or all of them")
    .argument("<namespace/name>", "the Secret, as secretName says")
    .argument("[key]", "such as password, username, uri or certificates")
    .addOption(state())
    .addOption(json())
    .action((name: string, key: string | undefined, options: { state: string; json: boolean }) =>
      run(options.json, async (terminal) =>
        (await import("./secret.ts")).showSecret({ name, key, state: options.state }, terminal),
      ),
    );
}

const exitCodes = `
Exit codes: 0 done; 1 the answer is no (refused, not Valid, not found); 2 it could not run (usage, files, ports).`;

/** Makes a command and those under it throw instead of ending the process, so that exit codes are decided in one place. */
function throwing(command: Command): Command {
  command.commands.forEach(throwing);
  return command.exitOverride();
}

const program = new Command("posthouse")
  .description("Mail relay infrastructure: an operator and a relay.")
  .version(version())
  .addHelpText("after", exitCodes)
  .showHelpAfterError("(posthouse --help shows the commands)")
  .exitOverride();
for (const command of [
  upCommand(),
  operatorCommand(),
  relayCommand(),
  validateCommand(),
  doctorCommand(),
  dnsCommand(),
  secretCommand(),
  sendCommand(),
  queueCommand(),
  capturesCommand(),
  storeCommand(),
])
  program.addCommand(throwing(command));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCode.ok : exitCode.usage;
}
