import { describe, expect, test } from "vitest";
import { isDomainName, isHostName, normaliseName } from "./domain-name.ts";

const label = "a".repeat(63);
const cases: readonly { readonly name: string; readonly domain: boolean; readonly host: boolean }[] = [
  { name: "example.com", domain: true, host: true },
  { name: "xn--bcher-kva.example", domain: true, host: true },
  { name: "s2026q4._domainkey.example.com", domain: true, host: false },
  { name: "localhost", domain: true, host: false },
  { name: "192.0.2.1", domain: true, host: false },
  { name: "mx.example.1", domain: true, host: false },
  { name: "-mx.example.com", domain: true, host: false },
  { name: "", domain: false, host: false },
  { name: "example.com.", domain: false, host: false },
  { name: "a..b", domain: false, host: false },
  { name: ".a", domain: false, host: false },
  { name: "bücher.example", domain: false, host: false },
  { name: "a b.example", domain: false, host: false },
  { name: "a\u0000.example", domain: false, host: false },
  { name: "a.example\n", domain: false, host: false },
  { name: `${label}.${label}.${label}.${"a".repeat(61)}`, domain: true, host: true },
  { name: `${label}.${label}.${label}.${"a".repeat(62)}`, domain: false, host: false },
  { name: `${label}a.example`, domain: false, host: false },
];

describe("domain names", () => {
  test.each(cases)("$name: domain $domain, host $host", ({ name, domain, host }) => {
    expect(isDomainName(name)).toBe(domain);
    expect(isHostName(name)).toBe(host);
  });

  test.each([
    ["MX.Example.COM.", "mx.example.com"],
    [".", ""],
    ["", ""],
  ])("%s is compared as %s", (name, want) => expect(normaliseName(name)).toBe(want));
});
