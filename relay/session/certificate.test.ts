import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtemp, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testSubmission } from "../../test/harness/submission.ts";
import { loadCertificate } from "./certificate.ts";
import { selfSignedCertificate } from "./self-signed.ts";

const day = 86_400_000;
const now = Date.now();
let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "posthouse-certificate-"))));
afterEach(() => rm(folder, { recursive: true }));

test("a self-signed pair is made once, of ECDSA P-256, for its owner's eyes only", async () => {
  const inner = join(folder, "tls");
  const first = await selfSignedCertificate(inner, "mail.example", now);
  const again = await selfSignedCertificate(inner, "mail.example", now + day);
  expect([first.created, again.created]).toEqual([true, false]);
  const { cert } = await loadCertificate(first, now);
  const leaf = new X509Certificate(cert);
  expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(leaf.checkHost("mail.example")).toBe("mail.example");
  expect(leaf.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(leaf.verify(leaf.publicKey)).toBe(true);
  expect((await stat(inner)).mode & 0o777).toBe(0o700);
  expect((await stat(first.keyFile)).mode & 0o777).toBe(0o600);
  expect((await stat(first.certificateFile)).mode & 0o777).toBe(0o600);
  expect((await selfSignedCertificate(inner, "other.example", now + day)).created).toBe(true);
});

test("it is made anew before it expires, and when half of it is lost", async () => {
  const first = await selfSignedCertificate(folder, "mail.example", now);
  const notAfter = (await loadCertificate(first, now)).notAfter;
  expect((await selfSignedCertificate(folder, "mail.example", notAfter - 29 * day)).created).toBe(true);
  await rm(first.keyFile);
  expect((await selfSignedCertificate(folder, "mail.example", now)).created).toBe(true);
});

test("processes that begin at once, for one host name or several, each have a whole pair", async () => {
  const names = ["one.example", "two.example", "one.example", "two.example", "one.example"];
  const pairs = await Promise.all(
    names.map(async (name) => loadCertificate(await selfSignedCertificate(folder, name, now), now)),
  );
  expect(pairs.map(({ cert }, at) => new X509Certificate(cert).checkHost(names[at] ?? ""))).toEqual(names);
});

test("a pair that is replaced while it is read is read anew", async () => {
  const pairOf = async (name: string) =>
    loadCertificate(await selfSignedCertificate(join(folder, name), "mail.example", now), now);
  const [before, after] = [await pairOf("before"), await pairOf("after")];
  const [certificateFile, keyFile] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  execFileSync("mkfifo", [keyFile]);
  await writeFile(certificateFile, before.cert);
  const loading = loadCertificate({ certificateFile, keyFile }, now);
  // A pipe opens when its reader does: the certificate of before was read by then.
  const pipe = await open(keyFile, "w");
  await pipe.writeFile(before.key);
  await writeFile(certificateFile, after.cert);
  await writeFile(`${keyFile}.new`, after.key);
  await rename(`${keyFile}.new`, keyFile);
  await pipe.close();
  expect(await loading).toEqual(after);
});

test("a certificate that cannot be used is one clear error", async () => {
  const good = await selfSignedCertificate(folder, "mail.example", now);
  const { notAfter } = await loadCertificate(good, now);
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const otherKey = join(folder, "other.pem");
  await writeFile(otherKey, other.export({ type: "pkcs8", format: "pem" }));
  const absent = join(folder, "absent.pem");
  const expired = new Date(notAfter).toISOString();
  const [certificateFile, keyFile] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  const pair = await loadCertificate(good, now);
  await writeFile(certificateFile, new X509Certificate(pair.cert).toString());
  await writeFile(keyFile, createPrivateKey(pair.key).export({ type: "pkcs8", format: "pem" }));
  const cases: [Parameters<typeof loadCertificate>, string][] = [
    [
      [{ certificateFile, keyFile }, notAfter + 1],
      `the certificate in ${certificateFile} expired at ${expired}; put a new one there`,
    ],
    [[{ certificateFile, keyFile }, now - 2 * day], `the certificate in ${certificateFile} is valid only from `],
    [
      [{ certificateFile, keyFile: otherKey }, now],
      `the private key in ${otherKey} does not belong to the certificate in ${certificateFile}`,
    ],
    [[{ certificateFile: absent, keyFile }, now], `cannot read the certificate in ${absent}: ENOENT`],
    [[{ certificateFile, keyFile: absent }, now], `cannot read the private key in ${absent}: ENOENT`],
    [[{ certificateFile: keyFile, keyFile }, now], `${keyFile} does not hold a certificate in PEM`],
    [
      [{ certificateFile, keyFile: certificateFile }, now],
      `${certificateFile} does not hold an unencrypted private key in PEM`,
    ],
  ];
  for (const [input, message] of cases) await expect(loadCertificate(...input)).rejects.toThrow(message);
  const error: unknown = await loadCertificate({ certificateFile: keyFile, keyFile }, now).catch((caught) => caught);
  expect(String(error)).not.toContain((await readFile(keyFile, "utf8")).split("\n")[1]);
});

test("a new certificate is used by the next handshake", async () => {
  const stops: (() => Promise<void>)[] = [];
  const relay = await testSubmission((stop) => stops.push(stop));
  const fingerprint = async (): Promise<string> => {
    const client = await relay.connect(true);
    return (client.socket() as TLSSocket).getPeerCertificate().fingerprint256;
  };
  const before = await fingerprint();
  const files = await selfSignedCertificate(folder, "mail.example", now);
  const next = await loadCertificate(files, now);
  relay.submission.reloadCertificate(next);
  const after = await fingerprint();
  expect([before === after, after]).toEqual([false, new X509Certificate(next.cert).fingerprint256]);
  for (const stop of stops) await stop();
});
