import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dkimVerify } from "mailauth";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSigner } from "../../relay/sign/signer.ts";
import { makeTestKeys, type TestKeys } from "../harness/dkim-keys.ts";
import { fixtureMessages, generatedMessages, largeMessage } from "../harness/sample-messages.ts";

const domain = "shop.example";
const samples = [...fixtureMessages(), largeMessage(), ...generatedMessages(80)];
/** In the past, for verifiers that look at their own clock. */
const now = Date.UTC(2026, 0, 5);
const lineEnd = Buffer.from("\r\n");
const root = new URL("../..", import.meta.url).pathname;

interface Verdict {
  readonly algorithm: string;
  readonly result: string;
}

let keys: TestKeys;
let folder: string;
const signed = new Map<string, Buffer>();

beforeAll(async () => {
  keys = makeTestKeys(domain);
  const signer = createSigner({ keyRing: keys.keyRing, pause: () => Promise.resolve() });
  for (const { name, content } of samples) {
    const signatures = await signer.sign(content, { domain, keys: keys.keys, now });
    signed.set(name, arrived(Buffer.concat([signatures, content])));
    signed.set(`${name}+`, arrived(Buffer.concat([signatures, spoil(content)])));
  }
  folder = mkdtempSync(join(tmpdir(), "posthouse-dkim-"));
  writeFileSync(join(folder, "records.json"), JSON.stringify(Object.fromEntries(keys.records)));
  for (const [name, message] of signed) writeFileSync(join(folder, `${name}.eml`), message);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The message as the other side has it: what has no line end at its end gets one before the final dot (RFC 5321 §4.1.1.4). */
function arrived(message: Buffer): Buffer {
  return message.subarray(-2).equals(lineEnd) ? message : Buffer.concat([message, lineEnd]);
}

/** The same message with one more word in its body or, where it has none, in its From. */
function spoil(content: Buffer): Buffer {
  const text = content.toString("latin1");
  const hasBody = text.includes("\r\n\r\n");
  return Buffer.from(hasBody ? `${text}spoilt\r\n` : text.replace(/@shop/, "@spoilt"), "latin1");
}

/** What a verifier says of our signatures of every message; those of others are none of our business. */
type Verdicts = ReadonlyMap<string, readonly Verdict[]>;

async function byMailauth(): Promise<Verdicts> {
  const all = new Map<string, readonly Verdict[]>();
  for (const [name, message] of signed) {
    const { results } = await dkimVerify(message, { resolver: keys.resolve, strict: true });
    const ours = results.filter((result) => result.signingDomain === domain);
    all.set(
      name,
      ours.map((result) => ({ algorithm: result.algo ?? "", result: result.status.result })),
    );
  }
  return all;
}

function byDkimpy(): Verdicts {
  const python = execFileSync("bash", [`${root}/test/setup/python.sh`], { encoding: "utf8" }).trim();
  const lines = execFileSync(python, [`${root}/test/harness/verify_dkim.py`, folder], { encoding: "utf8" });
  const all = new Map<string, readonly Verdict[]>();
  for (const line of lines.trim().split("\n")) {
    const { message, signatures } = JSON.parse(line) as {
      readonly message: string;
      readonly signatures: readonly (Verdict & { readonly domain: string })[];
    };
    const ours = signatures.filter((signature) => signature.domain === domain);
    all.set(
      message,
      ours.map(({ algorithm, result }) => ({ algorithm, result })),
    );
  }
  return all;
}

const verifiers = [
  ["mailauth", byMailauth],
  ["dkimpy", byDkimpy],
] as const;

describe.each(verifiers)("%s", (_name, verify) => {
  let verdicts: Verdicts;
  beforeAll(async () => {
    verdicts = await verify();
  }, 240_000);

  test("has seen a hundred messages and more", () => {
    expect(samples.length).toBeGreaterThan(100);
    expect([...verdicts.keys()].toSorted()).toEqual([...signed.keys()].toSorted());
  });

  test.each(samples.map(({ name }) => name))(
    "passes both signatures of %s, and fails both when it is changed",
    (name) => {
      expect(verdicts.get(name)).toEqual([
        { algorithm: "rsa-sha256", result: "pass" },
        { algorithm: "ed25519-sha256", result: "pass" },
      ]);
      const spoilt = verdicts.get(`${name}+`) ?? [];
      expect(spoilt).toHaveLength(2);
      for (const { result } of spoilt) expect(result).not.toBe("pass");
    },
  );
});
