import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import { startRounds } from "../runtime/rounds.ts";
import { UserError } from "./terminal.ts";

/** How often the folder is looked at, in milliseconds: its Secret may be renewed, or made after the operator's start. */
const interval = 10_000;

/** What clients must trust to verify the listeners, as it stands. */
export interface ListenerTrust {
  /** PEM; undefined where the authorities that everybody trusts will do. */
  readonly current: () => string | undefined;
  /** Calls back whenever it becomes another. */
  readonly follow: (onChange: (certificates: string | undefined) => void) => void;
  readonly stop: () => Promise<void>;
}

export interface TrustOptions {
  readonly folder: string;
  readonly clock: Pick<Clock, "after">;
  readonly log: Logger;
}

/** Reads a folder that the Secret of the listeners' certificate is mounted to, now and now and then. Throws a UserError when it cannot be read now. */
export async function followListenerTrust({ folder, clock, log }: TrustOptions): Promise<ListenerTrust> {
  let current = (await listenerTrust(folder))?.certificates;
  const followers: ((certificates: string | undefined) => void)[] = [];
  let trouble = "";
  const look = async (): Promise<void> => {
    const seen = await listenerTrust(folder).catch((error: unknown) => {
      if (trouble !== String(error)) log.warn({ err: error }, "what clients must trust cannot be read");
      trouble = String(error);
      return "Unreadable" as const;
    });
    if (seen === "Unreadable") return;
    trouble = "";
    // A Secret that is gone says nothing of the certificate that the relays go on with.
    if (seen === undefined || seen.certificates === current) return;
    current = seen.certificates;
    log.info({ folder }, "credentials name other certificates to trust from now on");
    for (const tell of followers) tell(current);
  };
  const stop = startRounds({ clock, interval, delay: interval, round: look });
  return { current: () => current, follow: (onChange) => void followers.push(onChange), stop };
}

/**
 * PEM of what clients must trust, from the folder: its `ca.crt`, or a `tls.crt` that is self-signed; none where the authorities that
 * everybody trusts will do. Undefined where there is no certificate.
 */
export async function listenerTrust(folder: string): Promise<{ readonly certificates?: string } | undefined> {
  const [authority, certificate] = await Promise.all(["ca.crt", "tls.crt"].map((name) => readPem(join(folder, name))));
  if (authority !== undefined) return { certificates: authority };
  if (certificate === undefined) return undefined;
  return isSelfSigned(certificate) ? { certificates: certificate } : {};
}

async function readPem(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw new UserError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
  return text.trim() === "" ? undefined : text;
}

/** Of a chain its first certificate counts. */
function isSelfSigned(pem: string): boolean {
  try {
    const certificate = new X509Certificate(pem);
    return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
  } catch {
    // The relay refuses what is no certificate, and says so.
    return false;
  }
}
