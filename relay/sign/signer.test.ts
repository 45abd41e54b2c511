import { createHash, createPrivateKey, sign as cryptoSign } from "node:crypto";
import fc from "fast-check";
import { dkimVerify } from "mailauth";
import { beforeAll, describe, expect, test } from "vitest";
import { makeTestKeys, type TestKeys } from "../../test/harness/dkim-keys.ts";
import { bodyHash } from "./body-hash.ts";
import { relaxedField } from "./canonicalise.ts";
import { readHeader } from "./fields.ts";
import { KeyUnavailable } from "./key-ring.ts";
import { createSigner, NoSigningKey, type Signer } from "./signer.ts";

const now = Date.UTC(2026, 10, 22, 12);
const domain = "football.example.com";
const pause = (): Promise<void> => Promise.resolve();
let keys: TestKeys;
let signer: Signer;
beforeAll(() => {
  keys = makeTestKeys(domain);
  signer = createSigner({ keyRing: keys.keyRing, pause });
});

async function signed(content: string): Promise<Buffer> {
  const octets = Buffer.from(content, "latin1");
  return Buffer.concat([await signer.sign(octets, { domain, keys: keys.keys, now }), octets]);
}

/** What mailauth, to the letter of the RFCs, says of each signature. */
async function verdicts(message: Buffer): Promise<readonly string[]> {
  const verified = await dkimVerify(message, { resolver: keys.resolve, strict: true, curTime: now });
  return verified.results.map((result) => `${result.algo} ${result.status.result}`);
}

const bothPass = ["rsa-sha256 pass", "ed25519-sha256 pass"];
const header = [
  "From: Joe SixPack <joe@football.example.com>",
  "To: Suzie Q <suzie@shopping.example.net>",
  "Subject: Is dinner ready?",
  "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
  "Message-ID: <20030712040037.46341.5F8J@football.example.com>",
];
const body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
const message = `${header.join("\r\n")}\r\n\r\n${body}`;

test("canonical forms and hashes lead to the Ed25519 signature of RFC 8463, appendix A.3", async () => {
  const field = [
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;",
    " d=football.example.com; i=@football.example.com;",
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :",
    " subject : date : message-id : from : subject : date;",
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;",
    " b=",
  ].join("\r\n");
  expect(await bodyHash(Buffer.from(body), pause)).toBe("2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
  const covered = readHeader(Buffer.from(message)).fields.map((each) => `${relaxedField(each.text)}\r\n`);
  const digest = createHash("sha256")
    .update(covered.join("") + relaxedField(field))
    .digest();
  // PKCS#8 (RFC 8410 §7) around the secret key of appendix A.2.
  const pkcs8 = Buffer.concat([
    Buffer.from("302e020100300506032b657004220420", "hex"),
    Buffer.from("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "base64"),
  ]);
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  expect(cryptoSign(null, digest, key).toString("base64")).toBe(
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
  );
});

describe("a signed message", () => {
  test("carries a signature of each key, and says what they cover", async () => {
    const text = (await signed(message)).toString("latin1");
    expect(text.endsWith(message)).toBe(true);
    const fields = text.slice(0, -message.length).replaceAll(/\r\n\t/g, "");
    const names =
      "From:From:To:To:Cc:Subject:Subject:Date:Date:Reply-To:Message-ID:Message-ID:List-Unsubscribe:" +
      "List-Unsubscribe-Post:Feedback-ID:MIME-Version:Content-Type:Content-Transfer-Encoding:" +
      "Content-Disposition:Content-ID:Content-Description";
    const rest = `t=1795348800; h=${names}; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;b=`;
    const [rsa, ed25519, end] = fields.split("\r\n");
    expect(rsa).toContain(`v=1; a=rsa-sha256; c=relaxed/relaxed;d=${domain}; s=t1; ${rest}`);
    expect(ed25519).toContain(`v=1; a=ed25519-sha256; c=relaxed/relaxed;d=${domain}; s=t1-ed; ${rest}`);
    expect(end).toBe("");
    expect(await verdicts(Buffer.from(text, "latin1"))).toEqual(bothPass);
  });

  test("is the same when it is signed again at the same time", async () => {
    expect(await signed(message)).toEqual(await signed(message));
  });

  const additions: readonly [what: string, field: string][] = [
    ["From", "From: Mallory <mallory@example.net>"],
    ["To", "To: everybody@example.net"],
    ["Cc", "Cc: everybody@example.net"],
    ["Subject", "Subject: You have won"],
    ["Date", "Date: Sat, 12 Jul 2003 21:00:37 -0700"],
    ["Reply-To", "Reply-To: mallory@example.net"],
    ["Message-ID", "Message-ID: <1@example.net>"],
    ["List-Unsubscribe", "List-Unsubscribe: <https://example.net/u>"],
    ["List-Unsubscribe-Post", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"],
    ["Feedback-ID", "Feedback-ID: a:b:c:d"],
    ["MIME-Version", "MIME-Version: 1.0"],
    ["Content-Type", "Content-Type: text/html"],
    ["Content-Transfer-Encoding", "Content-Transfer-Encoding: base64"],
    ["Content-Disposition", "Content-Disposition: attachment"],
  ];
  test.each(additions)("fails when another %s is added at the top or at the bottom", async (_name, field) => {
    const whole = await signed(message);
    const atTop = Buffer.concat([Buffer.from(`${field}\r\n`), whole]);
    const atBottom = Buffer.from(whole.toString("latin1").replace("\r\n\r\n", `\r\n${field}\r\n\r\n`), "latin1");
    for (const changed of [atTop, atBottom]) {
      const results = await verdicts(changed);
      expect(results).toHaveLength(2);
      for (const result of results) expect(result).not.toMatch(/pass/);
    }
  });

  const harmless: readonly [what: string, field: string][] = [
    ["a Received field", "Received: from a by b; Fri, 11 Jul 2003 21:00:38 -0700"],
    ["an ARC set's field", "ARC-Authentication-Results: i=1; example.net; dkim=pass"],
    ["a list's name", "List-Id: <dinner.example.net>"],
    ["a field of somebody's own", "X-Spam-Score: 0"],
  ];
  test.each(harmless)("still verifies when %s is added", async (_what, field) => {
    expect(await verdicts(Buffer.concat([Buffer.from(`${field}\r\n`), await signed(message)]))).toEqual(bothPass);
  });

  test("fails when one octet of a signed field or of the body changes", async () => {
    const whole = await signed(message);
    const start = whole.indexOf("From: Joe");
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: start, max: whole.length - 1 }), async (at) => {
        const changed = Buffer.from(whole);
        // A letter for everything: canonicalisation forgives case in names, and white space.
        changed[at] = whole[at] === 0x71 ? 0x7a : 0x71;
        for (const result of await verdicts(changed)) expect(result).not.toMatch(/pass/);
      }),
      { numRuns: 60 },
    );
  });
});

describe("any message", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "Z", "9", " ", "\t", ":", ";", "=", "\u00e9", "\u00a0"),
    maxLength: 30,
  });
  const name = fc.constantFrom(
    "To",
    "Cc",
    "Subject",
    "Subject ",
    "subject",
    "X-A",
    "List-Id",
    "Received",
    "References",
    "Content-Type",
  );
  const line = fc.oneof(text, fc.constantFrom("", " ", "\t\t", ".", "..", "x".repeat(998)));
  const fields = fc.array(fc.tuple(name, fc.array(text, { minLength: 1, maxLength: 3 })), { maxLength: 12 });

  test("verifies as it was signed, whatever its fields and lines are", async () => {
    await fc.assert(
      fc.asyncProperty(fields, fc.array(line, { maxLength: 12 }), fc.boolean(), async (list, lines, endsLine) => {
        const head = list.map(([each, folds]) => `${each}: ${folds.join("\r\n\tf")}\r\n`).join("");
        const content = `${head}From: Joe <joe@${domain}>\r\n\r\n${lines.join("\r\n")}${endsLine ? "\r\n" : ""}`;
        expect(await verdicts(await signed(content))).toEqual(bothPass);
      }),
      { numRuns: 100 },
    );
  });
});

describe("signing fails, for now,", () => {
  test("when the domain has no Active key", async () => {
    const ed25519 = keys.keys.filter(({ algorithm }) => algorithm === "Ed25519");
    expect(ed25519).toHaveLength(1);
    for (const named of [[], ed25519])
      await expect(signer.sign(Buffer.from(message), { domain, keys: named, now })).rejects.toThrow(NoSigningKey);
  });

  test("when one of the keys is not there: a message never has fewer signatures than keys", async () => {
    const missing = { ...keys.keys[1], secretName: "gone" };
    const request = { domain, keys: [keys.keys[0], missing], now };
    await expect(signer.sign(Buffer.from(message), request)).rejects.toThrow(KeyUnavailable);
  });
});

test("a large body lets others have their turn", async () => {
  let turns = 0;
  const polite = createSigner({
    keyRing: keys.keyRing,
    pause() {
      turns++;
      return Promise.resolve();
    },
  });
  const large = Buffer.from(`${header[0]}\r\n\r\n${"0123456789\r\n".repeat(200_000)}`);
  await polite.sign(large, { domain, keys: keys.keys, now });
  expect(turns).toBe(4);
});
