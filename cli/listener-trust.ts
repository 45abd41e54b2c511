import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "./terminal.ts";

/**
 * PEM of what clients must trust to verify the listeners, from a folder that the Secret of their certificate is mounted to: its
 * `ca.crt`, or a `tls.crt` that is self-signed. Undefined where neither stands there: the authorities that everybody trusts will do.
 */
export async function listenerTrust(folder: string): Promise<string | undefined> {
  const [authority, certificate] = await Promise.all(["ca.crt", "tls.crt"].map((name) => readPem(join(folder, name))));
  if (authority !== undefined) return authority;
  return certificate !== undefined && isSelfSigned(certificate) ? certificate : undefined;
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
