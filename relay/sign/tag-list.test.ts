import { describe, expect, test } from "vitest";
import { signedField, unsignedField, type SignatureTags } from "./tag-list.ts";

const tags: SignatureTags = {
  algorithm: "rsa-sha256",
  domain: "example.com",
  selector: "s2026q4",
  signedAt: 1_796_000_000_999,
  names: ["From", "From", "To", "Subject", "List-Unsubscribe-Post", "Message-ID", "Content-Transfer-Encoding"],
  bodyHash: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
};

describe("unsignedField", () => {
  test("folds at tags and between names", () => {
    expect(unsignedField(tags).split("\r\n")).toEqual([
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;",
      "\ts=s2026q4; t=1796000000; h=From:From:To:Subject:List-Unsubscribe-Post:",
      "\tMessage-ID:Content-Transfer-Encoding;",
      "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;",
      "\tb=",
    ]);
  });

  const wide: readonly [what: string, tags: SignatureTags][] = [
    [
      "a long domain and selector",
      { ...tags, domain: `${"a".repeat(60)}.${"b".repeat(60)}.example`, selector: "s".repeat(63) },
    ],
    ["very many names", { ...tags, names: Array.from({ length: 300 }, () => "Resent-Message-ID") }],
  ];
  test.each(wide)("keeps lines short with %s, and loses nothing to the folds", (_what, wider) => {
    const field = unsignedField(wider);
    for (const line of field.split("\r\n"))
      expect(line.length).toBeLessThanOrEqual(Math.max(78, wider.domain.length + 5));
    const unfolded = field.replaceAll(/\r\n\t/g, "");
    expect(unfolded).toContain(`h=${wider.names.join(":")};`);
    expect(unfolded).toContain(`d=${wider.domain};`);
    expect(unfolded).toContain(`s=${wider.selector};`);
  });
});

describe("signedField", () => {
  const cases: readonly [octets: number][] = [[0], [1], [54], [64], [256], [512]];
  test.each(cases)("folds a signature of %d octets and ends in CRLF", (octets) => {
    const signature = Buffer.alloc(octets, 0xa5).toString("base64");
    const field = signedField("DKIM-Signature: v=1;\r\n\tb=", signature);
    expect(field.endsWith("\r\n")).toBe(true);
    for (const line of field.split("\r\n")) expect(line.length).toBeLessThanOrEqual(78);
    expect(field.replaceAll(/\r\n\t?/g, "")).toBe(`DKIM-Signature: v=1;b=${signature}`);
  });
});
