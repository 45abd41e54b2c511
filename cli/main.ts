#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { FormatName } from "../operator/hand-over/formats.ts";
import { exitCode, palette, processTerminal, UserError, type Terminal } from "./terminal.ts";

/** Where `posthouse up` keeps what it makes when nothing else is said. */
const defaultState = "./data";

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const manifest: unknown = JSON.parse(text);
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "0";
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535) throw new InvalidArgumentError("A port is 1 to 65535.");
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("A count is 1 or more.");
  return value;
}

/** Runs a command's body; what it resolves to becomes the exit code. */
type Run = (terminal: Terminal) => Promise<number>;

async function run(json: boolean, body: Run): Promise<void> {
  const terminal = processTerminal({ json });
  try {
    process.exitCode = await body(terminal);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { red } = palette({ color: terminal.color && isatty(2) });
    terminal.err(`${red("error:")} ${error.message}`);
    process.exitCode = exitCode.usage;
  }
}

const state = (): Option => new Option("--state <dir>", "the folder that `posthouse up` keeps").default(defaultState);
const fleetFile = (): Option => new Option("--fleet <file>", "the fleet file, where it names another store");
const logLevel = (): Option =>
  new Option("--log-level <level>", "least severe level logged")
    .choices(["debug", "info", "warn", "error"])
    .default("info");
const json = (): Option => new Option("--json", "print JSON").default(false);

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

function relayCommand(): Command {
  return new Command("relay")
    .description("run one more relay beside posthouse up, on its state folder and the Redis that both fleet files name")
    .addOption(state())
    .option("--fleet <file>", "fleet file: listeners and admin port of its own, and the store of the others")
    .addOption(logLevel())
    .action((options: { state: string; fleet?: string; logLevel: string }) =>
      run(false, async (terminal) => (await import("./relay.ts")).relay(options, terminal)),
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

interface SendFlags {
  readonly from: string;
  readonly to: string[];
  readonly state: string;
  readonly secret: string;
  readonly port?: number;
  readonly implicitTls: boolean;
  readonly subject: string;
  readonly json: boolean;
}

function sendCommand(): Command {
  return new Command("send")
    .description("send a test message with a credential and show the dialogue; exit 1 if it is refused")
    .requiredOption("--from <address>", "sender, in envelope and header")
    .requiredOption("--to <address...>", "recipients")
    .requiredOption("--secret <namespace/name>", "the Secret that Posthouse wrote the credential to")
    .addOption(state())
    .option("--port <port>", "another port than the Secret's", port)
    .option("--implicit-tls", "TLS from the first byte instead of STARTTLS; give its --port", false)
    .option("--subject <text>", "the Subject", "Test message from Posthouse")
    .addOption(json())
    .action((options: SendFlags) =>
      run(options.json, async (terminal) => (await import("./send.ts")).send(options, terminal)),
    );
}

function queueCommand(): Command {
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

function capturesCommand(): Command {
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

function storeCommand(): Command {
  const store = new Command("store").description("verify a store, and move what it holds to another engine");
  store
    .command("check")
    .description("verify a store, also while relays run on it; exit 1 if something is wrong")
    .argument("[address]", "address of the store; without it the one of the fleet file, or in the state folder")
    .addOption(state())
    .option("--fleet <file>", "fleet file: its store, redis and durability")
    .option("--repair", "of an embedded store that no process uses: keep what can be read in a new file", false)
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
