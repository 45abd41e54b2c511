import { describe, expect, test } from "vitest";
import { parseStoreAddress, type StoreAddress } from "./address.ts";

const good: readonly [string, StoreAddress][] = [
  ["file:./data", { kind: "File", path: "./data" }],
  ["file:/var/lib/posthouse", { kind: "File", path: "/var/lib/posthouse" }],
  ["file:///var/lib/posthouse", { kind: "File", path: "/var/lib/posthouse" }],
  ["redis://localhost", { kind: "Redis", host: "localhost", port: 6379, tls: false, database: 0 }],
  ["redis://[2001:db8::1]:7000/3", { kind: "Redis", host: "2001:db8::1", port: 7000, tls: false, database: 3 }],
  ["rediss://mail@r.example/", { kind: "Redis", host: "r.example", port: 6379, tls: true, user: "mail", database: 0 }],
  [
    "redis+sentinel://a,b:5000,[::1]/mail/2",
    {
      kind: "Sentinel",
      sentinels: [
        { host: "a", port: 26_379 },
        { host: "b", port: 5000 },
        { host: "::1", port: 26_379 },
      ],
      name: "mail",
      tls: false,
      database: 2,
    },
  ],
  [
    "rediss+sentinel://mail@a/main",
    {
      kind: "Sentinel",
      sentinels: [{ host: "a", port: 26_379 }],
      name: "main",
      tls: true,
      user: "mail",
      database: 0,
    },
  ],
];

const bad: readonly [string, RegExp][] = [
  ["", /is none of/],
  ["./data", /is none of/],
  ["redis-cluster://a", /is none of/],
  ["file:", /names no folder/],
  ["redis:localhost", /names no host/],
  ["redis://", /host that is none/],
  ["redis://a:0", /host that is none/],
  ["redis://a:65536", /host that is none/],
  ["redis://a/zero", /database/],
  ["redis://a/1/2", /database/],
  ["redis://a,b", /more than one/],
  ["redis://:hunter2@a", /passwordFile/],
  ["redis://mail:hunter2@a", /passwordFile/],
  ["redis://a?password=hunter2", /passwordFile/],
  ["redis://m il@a", /user name/],
  ["redis+sentinel://a", /name the primary/],
  ["redis+sentinel://a,/main", /host that is none/],
];

describe("a store address", () => {
  test.each(good)("%s", (text, address) => {
    expect(parseStoreAddress(text)).toEqual(address);
  });

  test.each(bad)("%s is refused, and not repeated", (text, message) => {
    expect(() => parseStoreAddress(text)).toThrow(message);
    expect(() => parseStoreAddress(text)).not.toThrow(/hunter2/);
  });
});
