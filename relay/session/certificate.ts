import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";

/** A certificate chain and its private key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** A certificate that cannot be used; the message names the file and says what to do. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Reads a certificate and its key and checks that they go together and are valid at `now`. Rejects with {@link CertificateError}. */
export async function loadCertificate(files: CertificateFiles, now: number): Promise<Certificate> {
  const { cert, key } = await readPair(files);
  const leaf = parse(files.certificateFile, "a certificate in PEM", () => new X509Certificate(cert));
  const privateKey: KeyObject = parse(files.keyFile, "an unencrypted private key in PEM", () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey))
    throw new CertificateError(
      `the private key in ${files.keyFile} does not belong to the certificate in ${files.certificateFile}`,
    );
  const [notBefore, notAfter] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  if (now > notAfter)
    throw new CertificateError(
      `the certificate in ${files.certificateFile} expired at ${new Date(notAfter).toISOString()}; put a new one there`,
    );
  if (now < notBefore)
    throw new CertificateError(
      `the certificate in ${files.certificateFile} is valid only from ${new Date(notBefore).toISOString()}; check the clock`,
    );
  return { cert, key, notAfter };
}

/** So many times a pair is read that is being replaced. */
const mostReads = 3;

/**
 * Reads both files as they stand at one moment: a kubelet swaps them by a symbolic link of their folder, and the certificate of
 * before with the key of after would be taken for a mistake.
 */
async function readPair({ certificateFile, keyFile }: CertificateFiles): Promise<Pick<Certificate, "cert" | "key">> {
  let cert = await read(certificateFile, "certificate");
  for (let reads = 1; ; reads++) {
    const key = await read(keyFile, "private key");
    const after = await read(certificateFile, "certificate");
    if (after === cert || reads >= mostReads) return { cert: after, key };
    cert = after;
  }
}

async function read(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new CertificateError(`cannot read the ${what} in ${file}: ${code}`, { cause: error });
  }
}

/** A parser's own message could quote the file, so none is passed on. */
function parse<T>(file: string, what: string, parser: () => T): T {
  try {
    return parser();
  } catch {
    throw new CertificateError(`${file} does not hold ${what}`);
  }
}
