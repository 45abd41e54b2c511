import { X509Certificate } from "node:crypto";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, replaceFile } from "../../runtime/atomic-file.ts";
import { type CertificateFiles, CertificateError, loadCertificate } from "./certificate.ts";

const day = 86_400_000;
/** Browsers and clients refuse longer ones; nobody renews this one but us. */
const lifetime = 397 * day;
const renewBefore = 30 * day;

export interface SelfSigned extends CertificateFiles {
  /** It was made just now. */
  readonly created: boolean;
}

/**
 * The self-signed ECDSA P-256 pair of a host name in a folder, made at the first start and a month before it expires: good for
 * trying out, because no client can verify it. Key and certificate are one file, so that several processes that begin at once never
 * read the one of this and the other of that. The folder has mode 0700, the file 0600; it appears whole or not at all.
 */
export async function selfSignedCertificate(folder: string, hostname: string, now: number): Promise<SelfSigned> {
  const file = join(folder, `${hostname}.pem`);
  const files = { certificateFile: file, keyFile: file };
  if (await isGood(files, hostname, now)) return { ...files, created: false };
  await makeFolder(folder);
  await chmod(folder, 0o700);
  // It takes memory, once in a year.
  const { generate } = await import("selfsigned");
  const pems = await generate([{ name: "commonName", value: hostname }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(now - day),
    notAfterDate: new Date(now + lifetime),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          ...[...new Set([hostname, "localhost"])].map((value) => ({ type: 2 as const, value })),
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  await replaceFile(file, pems.private + pems.cert);
  return { ...files, created: true };
}

/** A pair that is missing, torn or old is replaced: nobody else depends on it. */
async function isGood(files: CertificateFiles, hostname: string, now: number): Promise<boolean> {
  try {
    const { cert, notAfter } = await loadCertificate(files, now);
    return notAfter - now > renewBefore && new X509Certificate(cert).checkHost(hostname) !== undefined;
  } catch (error) {
    if (error instanceof CertificateError) return false;
    throw error;
  }
}
