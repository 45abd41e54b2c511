import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  decodeSmarthostSecret,
  encodeSmarthostSecret,
  smarthostFingerprint,
  smarthostPorts,
  type SmarthostSecret,
} from "./smarthost-secret.ts";

const secret: SmarthostSecret = {
  source: { namespace: "team", tenant: "shop", secret: "upstream", uid: "0b0e" },
  login: { username: "user", password: "hush" },
};

test("credentials come back as they were written", () => {
  expect(decodeSmarthostSecret(encodeSmarthostSecret(secret))).toEqual({ value: secret });
});

test.each(["namespace", "tenant", "secret", "uid", "username", "password"])(
  "without %s they are none, and no value is told",
  (key) => {
    const decoded = decodeSmarthostSecret({ ...encodeSmarthostSecret(secret), [key]: "" });
    expect(decoded).toHaveProperty("error");
    expect(JSON.stringify(decoded)).not.toContain("hush");
  },
);

test("each part makes another fingerprint, and none is joined with its neighbour", () => {
  const { source, login } = secret;
  const others: SmarthostSecret[] = [
    secret,
    { source: { ...source, namespace: "other" }, login },
    { source: { ...source, tenant: "other" }, login },
    { source: { ...source, secret: "other" }, login },
    { source: { ...source, uid: "other" }, login },
    { source, login: { ...login, username: "other" } },
    { source, login: { ...login, password: "other" } },
    { source, login: { username: "userh", password: "ush" } },
  ];
  expect(new Set(others.map(smarthostFingerprint)).size).toBe(others.length);
});

test("the ports are those that the CRD lets credentials go to", () => {
  const yaml = readFileSync(new URL("../crds/generated/relaytenants.posthouse.dev.yaml", import.meta.url), "utf8");
  const rule = /rule: "(!has\(self\.secretRef\) \|\| self\.port [^"]*)"/.exec(yaml)?.[1] ?? "";
  expect([...rule.matchAll(/self\.port == (\d+)/g)].map(([, port]) => Number(port))).toEqual(smarthostPorts);
});
