import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { openState } from "./state.ts";
import { UserError } from "./terminal.ts";

/** Where a credential is found, and what of it is overruled. */
export interface CredentialPlace {
  /** `namespace/name` of a Secret in the state folder. */
  readonly secret?: string;
  readonly state: string;
  /** A folder with a file for each key of the Secret, as Kubernetes mounts it. */
  readonly secretDir?: string;
  /** A file with the password alone. */
  readonly passwordFile?: string;
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  /** PEM file of certificates to trust. */
  readonly caFile?: string;
}

/** What it takes to send. */
export interface Credential {
  readonly host: string;
  readonly port: number;
  /** The name that the relay's certificate must have; undefined for an address. */
  readonly serverName: string | undefined;
  readonly username: string;
  readonly password: string;
  /** PEM. */
  readonly certificates: string | undefined;
}

/** Keys of an application Secret. */
type SecretData = Readonly<Record<string, string | undefined>>;

/** Reads a credential. Rejects with a UserError that says where to find one. */
export async function readCredential(place: CredentialPlace): Promise<Credential> {
  const data = await dataOf(place);
  const { password } = data;
  if (password === undefined) throw new UserError(`there is no credential ${nameOf(place)}; ${advice(place)}`);
  const named = data["host"] ?? place.host ?? "127.0.0.1";
  return {
    host: place.host ?? named,
    port: place.port ?? Number(data["port"] ?? 587),
    serverName: isIP(named) === 0 ? named : undefined,
    username: place.username ?? data["username"] ?? "apikey",
    password,
    certificates: place.caFile === undefined ? data["certificates"] : await read(place.caFile, "--ca-file"),
  };
}

async function dataOf({ secret, state, secretDir, passwordFile }: CredentialPlace): Promise<SecretData> {
  const [place, ...others] = [secret, secretDir, passwordFile].filter((given) => given !== undefined);
  if (place === undefined || others.length > 0)
    throw new UserError("name one credential: by --secret, by --secret-dir, or by --host and --password-file");
  if (passwordFile !== undefined) return { password: await read(passwordFile, "--password-file") };
  if (secretDir !== undefined) return mounted(secretDir);
  const [namespace = "", name = ""] = place.split("/");
  return (await openState(state)).get({ kind: "Secret", namespace, name })?.data ?? {};
}

const keys = ["host", "port", "username", "password", "certificates"];

async function mounted(folder: string): Promise<SecretData> {
  const entries = keys.map(async (key) => [key, await readFile(join(folder, key), "utf8").catch(absent)] as const);
  return Object.fromEntries((await Promise.all(entries)).map(([key, text]) => [key, text?.replace(/\r?\n$/, "")]));
}

function absent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw unreadable("--secret-dir", error);
}

async function read(file: string, flag: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(flag, error);
  });
  return text.replace(/\r?\n$/, "");
}

function unreadable(flag: string, error: unknown): UserError {
  return new UserError(`cannot read ${flag}: ${error instanceof Error ? error.message : String(error)}`);
}

function nameOf({ secret, state, secretDir }: CredentialPlace): string {
  return secret === undefined ? `in ${secretDir}` : `${secret} in ${state}`;
}

function advice({ secret }: CredentialPlace): string {
  return secret === undefined
    ? "mount the Secret that a RelayTenant names as secretName there"
    : "`posthouse up` writes it to the secretName of a RelayTenant";
}
