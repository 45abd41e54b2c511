import { isatty } from "node:tty";
import { InvalidArgumentError, Option } from "commander";
import { exitCode, palette, processTerminal, UserError, type Terminal } from "./terminal.ts";

/** Where `posthouse up` keeps what it makes when nothing else is said. */
const defaultState = "./data";

/** A TCP port, as a flag has it. */
export function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535) throw new InvalidArgumentError("A port is 1 to 65535.");
  return value;
}

/** A number of things, as a flag has it. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("A count is 1 or more.");
  return value;
}

/** Runs a command's body: what it resolves to becomes the exit code, and a UserError becomes a line on standard error. */
export async function run(json: boolean, body: (terminal: Terminal) => Promise<number>): Promise<void> {
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

/** Flags that several commands have; each call makes another one. */
export const state = (): Option =>
  new Option("--state <dir>", "the folder that `posthouse up` keeps").default(defaultState);
export const fleetFile = (): Option => new Option("--fleet <file>", "the fleet file, where it names another store");
export const logLevel = (): Option =>
  new Option("--log-level <level>", "least severe level logged")
    .choices(["debug", "info", "warn", "error"])
    .default("info");
export const json = (): Option => new Option("--json", "print JSON").default(false);
