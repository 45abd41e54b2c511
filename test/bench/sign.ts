/**
 * How fast messages are signed with both keys: by our signer, by mailauth, and by `crypto.sign` alone, which is the
 * most that any signer on this machine could do. One after the other in short turns, so that all see the same machine.
 * Run: `node test/bench/sign.ts [seconds for each]`.
 */
import { hash, sign as cryptoSign, type KeyObject } from "node:crypto";
import { dkimSign } from "mailauth";
import { createSigner } from "../../relay/sign/signer.ts";
import { makeTestKeys } from "../harness/dkim-keys.ts";

/** Messages per second. */
export interface SigningRates {
  readonly ours: number;
  readonly mailauth: number;
  /** An RSA-2048 and an Ed25519 signature in the thread pool, with keys parsed before. */
  readonly raw: number;
  /** The RSA-2048 signature alone. */
  readonly rawRsa: number;
}

const inFlight = 8;
const turns = 5;
const domain = "shop.example";

/** A message of about 4 KiB, as an application would send it. */
function sample(): Buffer {
  const line = "Your order 4711 has left our warehouse, and will be with you on Thursday.\r\n";
  const header = [
    "Received: from app (app.shop.example [192.0.2.1]) by relay.example with ESMTPSA id 1",
    "From: Shop <orders@shop.example>",
    "To: Suzie Q <suzie@example.net>",
    "Subject: Your order has left",
    "Date: Mon, 02 Nov 2026 10:00:00 +0000",
    "Message-ID: <4711@shop.example>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
  ];
  return Buffer.from(`${header.join("\r\n")}\r\n\r\n${line.repeat(48)}`);
}

function rawSign(key: KeyObject, data: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, signature: Buffer): void => (error ? reject(error) : resolve(signature));
    if (key.asymmetricKeyType === "ed25519") cryptoSign(null, hash("sha256", data, "buffer"), key, done);
    else cryptoSign("sha256", data, key, done);
  });
}

/** Keeps as many calls going as are in flight, for a while. Returns calls per second. */
async function run(milliseconds: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() - start < milliseconds) {
        await work();
        count++;
      }
    }),
  );
  return (count * 1000) / (performance.now() - start);
}

function pem(key: KeyObject): string | Buffer {
  return key.export({ type: "pkcs8", format: "pem" });
}

/** Measures each for `seconds`, in turns. */
export async function measureSigning(seconds: number): Promise<SigningRates> {
  const keys = makeTestKeys(domain);
  const signer = createSigner({ keyRing: keys.keyRing, pause: () => Promise.resolve() });
  const message = sample();
  const [rsa, ed25519] = keys.privateKeys;
  const signatureData = [
    { signingDomain: domain, selector: "t1", privateKey: pem(rsa), algorithm: "rsa-sha256" },
    { signingDomain: domain, selector: "t1-ed", privateKey: pem(ed25519), algorithm: "ed25519-sha256" },
  ];
  const theirs = { canonicalization: "relaxed/relaxed", signatureData } as unknown as Parameters<typeof dkimSign>[1];
  const { signatures } = await dkimSign(message, theirs);
  if (signatures.match(/^DKIM-Signature:/gm)?.length !== 2) throw new Error("mailauth did not sign with both keys");
  const header = message.subarray(0, 1024);
  const works = {
    ours: () => signer.sign(message, { domain, keys: keys.keys, now: Date.now() }),
    mailauth: () => dkimSign(message, theirs),
    raw: () => Promise.all([rawSign(rsa, header), rawSign(ed25519, header)]),
    rawRsa: () => rawSign(rsa, header),
  };
  for (const work of Object.values(works)) await run(200, work);
  const rates = { ours: 0, mailauth: 0, raw: 0, rawRsa: 0 };
  for (let turn = 0; turn < turns; turn++)
    for (const name of ["ours", "mailauth", "raw", "rawRsa"] as const)
      rates[name] += (await run((seconds * 1000) / turns, works[name])) / turns;
  return rates;
}

/** The measurement in lines for people. */
export function describeSigning(rates: SigningRates): string {
  const line = (what: string, rate: number): string =>
    `${what.padEnd(44)} ${rate.toFixed(0).padStart(6)}/s   ${(rate / rates.raw).toFixed(2)} of the raw limit`;
  return [
    line("signed by ours (4 KiB, RSA-2048 and Ed25519)", rates.ours),
    line("signed by mailauth", rates.mailauth),
    line("crypto.sign alone, both keys", rates.raw),
    line("crypto.sign alone, RSA-2048", rates.rawRsa),
    `ours / mailauth: ${(rates.ours / rates.mailauth).toFixed(2)}`,
  ].join("\n");
}

if (import.meta.main) console.log(describeSigning(await measureSigning(Number(process.argv[2] ?? 5))));
