import { expect, test } from "vitest";
import { decodePrivateKey, decodePublicKey, encodeKeySecret, type PublicKey } from "./key-secret.ts";

const key: PublicKey = {
  claim: { namespace: "team-shop", name: "example-com", domain: "example.com" },
  selector: "s2026q4",
  algorithm: "RSA2048",
  publicKey: "MIIB+/8=",
  fingerprint: "a".repeat(64),
  createdAt: Date.parse("2026-11-22T10:00:00.000Z"),
};
const pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const data = encodeKeySecret(key, pem);

test("both halves are read as they were written", () => {
  expect(data["createdAt"]).toBe("2026-11-22T10:00:00.000Z");
  expect(decodePublicKey(data)).toEqual({ value: key });
  expect(decodePrivateKey(data)).toEqual({
    value: { domain: "example.com", selector: "s2026q4", algorithm: "RSA2048", privateKey: pem },
  });
});

test("the public half is read without the private one, and never carries it", () => {
  const { privateKey: _, ...rest } = data;
  expect(decodePublicKey(rest)).toEqual({ value: key });
  expect(JSON.stringify(decodePublicKey(data))).not.toContain("PRIVATE");
});

test.each([
  ["domain", "", "domain"],
  ["algorithm", "RSA1024", "algorithm"],
  ["publicKey", "no base 64", "publicKey"],
  ["fingerprint", "zz", "fingerprint"],
  ["createdAt", "yesterday", "createdAt"],
])("a bad %s is an error that names it", (member, value, message) => {
  const decoded = decodePublicKey({ ...data, [member]: value });
  expect("error" in decoded && decoded.error).toContain(message);
});

test("a key that was imported says so in its Secret, should the history be lost", () => {
  const imported = { ...key, imported: true as const };
  expect(decodePublicKey(encodeKeySecret(imported, pem))).toEqual({ value: imported });
});

test("a private half that is no PEM is an error without the text", () => {
  const decoded = decodePrivateKey({ ...data, privateKey: "hush" });
  expect(decoded).toEqual({ error: "privateKey is not PKCS#8 PEM" });
});
