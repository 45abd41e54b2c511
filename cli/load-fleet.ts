import { readFile } from "node:fs/promises";
import { bindVariable, boundTo } from "./fleet-environment.ts";
import { parseFleet } from "./fleet-file.ts";
import type { Fleet } from "./fleet.ts";
import { readStoreVariable, storeVariable } from "./store-variable.ts";
import { UserError } from "./terminal.ts";

/** Reads a fleet file; without a path, a fleet of defaults. Throws a UserError that names every mistake with its line. */
export async function loadFleet(path: string | undefined): Promise<Fleet> {
  const text =
    path === undefined ? "" : await readFile(path, "utf8").catch((error: unknown) => unreadable(path, error));
  const result = parseFleet(text);
  if ("fleet" in result) return { ...boundTo(result.fleet, process.env[bindVariable]), ...storeOfEnvironment() };
  const lines = result.problems.map(
    ({ line, column, path: field, message }) =>
      `  ${path ?? "defaults"}:${line}:${column}: ${field === "" ? "" : `${field}: `}${message}`,
  );
  throw new UserError(`the fleet file is wrong:\n${lines.join("\n")}\ndocs/reference/fleet.md lists every field`);
}

/** It outranks the fleet file: a Secret knows the address, and the fleet file is no place for one. */
function storeOfEnvironment(): Pick<Fleet, "store"> {
  const variable = readStoreVariable(process.env[storeVariable]);
  return variable === undefined ? {} : { store: variable.store };
}

function unreadable(path: string, error: unknown): never {
  throw new UserError(
    `cannot read the fleet file ${path}: ${error instanceof Error ? error.message : String(error)}; name another with --fleet, or leave it out for the defaults`,
  );
}
