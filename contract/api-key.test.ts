import fc from "fast-check";
import { expect, test } from "vitest";
import { apiKeyId, hashSecret, issueApiKey, parseApiKey } from "./api-key.ts";

const id = "abc012xyz789";
const zeros = new Uint8Array(32);
const ones = new Uint8Array(32).fill(255);

test("a key is what it was issued as, for any secret", () => {
  const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const ids = fc.stringMatching(/^[a-z0-9]{12}$/);
  fc.assert(
    fc.property(ids, secret, (anyId, bytes) => {
      const key = issueApiKey(anyId, bytes);
      expect(key).toMatch(/^ph_[a-z0-9]{12}_[0-9A-Za-z]{49}$/);
      const parsed = parseApiKey(key);
      expect(parsed?.id).toBe(anyId);
      expect(Buffer.from(parsed?.secret ?? [])).toEqual(Buffer.from(bytes));
    }),
  );
});

test("the format is frozen", () => {
  expect(issueApiKey(id, zeros)).toBe(`ph_${id}_${"0".repeat(43)}${issueApiKey(id, zeros).slice(-6)}`);
  expect(issueApiKey(id, zeros)).toMatchInlineSnapshot(
    `"ph_abc012xyz789_00000000000000000000000000000000000000000004DkNVw"`,
  );
  expect(issueApiKey(id, ones)).toMatchInlineSnapshot(
    `"ph_abc012xyz789_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp11PSP4S"`,
  );
  expect(hashSecret(zeros)).toBe("66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925");
});

const key = issueApiKey(id, ones);
test.each([
  ["nothing", ""],
  ["another prefix", key.replace("ph_", "sg_")],
  ["one character changed", key.replace("abc", "abd")],
  ["one character of the checksum changed", key.slice(0, -1) + (key.endsWith("0") ? "1" : "0")],
  ["cut short", key.slice(0, -1)],
  ["one too long", `${key}0`],
  ["a line end", `${key}\n`],
  ["a secret beyond 32 bytes", "ph_abc012xyz789_" + "z".repeat(43) + "000000"],
])("no key: %s", (_, text) => {
  expect(parseApiKey(text)).toBeUndefined();
});

test.each([
  ["an id with capitals", "ABC012xyz789", zeros],
  ["a short id", "abc", zeros],
  ["a short secret", id, new Uint8Array(31)],
])("refuses to issue with %s", (_, badId, secret) => {
  expect(() => issueApiKey(badId, secret)).toThrow(RangeError);
});

test("an id is made of random bytes", () => {
  expect(apiKeyId(Uint8Array.from({ length: 12 }, (_, index) => index + 30))).toBe("uvwxyz012345");
  expect(() => apiKeyId(new Uint8Array(3))).toThrow(RangeError);
});
