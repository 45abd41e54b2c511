import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { clientNodeAccess } from "./client-node-access.ts";
import { plainAccess, podAccess } from "./plain-access.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "posthouse-plain-access-"));
  mkdirSync(join(folder, "pki"));
  for (const name of ["ca.crt", "client.crt", "client.key"]) writeFileSync(join(folder, "pki", name), `${name} octets`);
  writeFileSync(join(folder, "token"), "of-the-pod\n");
  writeFileSync(join(folder, "ca.crt"), "authority");
});
afterAll(() => rmSync(folder, { recursive: true }));

const server = "https://192.0.2.1:6443/clusters/a/";
const data = (text: string): string => Buffer.from(text).toString("base64");

function kubeconfig(user: object, cluster: object = {}, more: object = {}): string {
  const file = join(folder, "kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    contexts: [
      { name: "there", context: { cluster: "other", user: "other" } },
      { name: "here", context: { cluster: "c", user: "u", namespace: "n" } },
    ],
    clusters: [
      { name: "other", cluster: { server: "https://192.0.2.9" } },
      { name: "c", cluster: { server, ...cluster } },
    ],
    users: [
      { name: "other", user: { token: "of another" } },
      { name: "u", user },
    ],
    ...more,
  };
  writeFileSync(file, stringify(config));
  return file;
}

const certificate = { "client-certificate-data": data("cert"), "client-key-data": data("key") };
const files = { "client-certificate": "pki/client.crt", "client-key": "pki/client.key" };

test.each<[string, object, object]>([
  ["a token", { token: "secret" }, { "certificate-authority-data": data("authority") }],
  ["a certificate", certificate, { "certificate-authority-data": data("authority") }],
  ["files beside it", files, { "certificate-authority": "pki/ca.crt" }],
  ["files and data", { ...certificate, ...files }, { "certificate-authority": "pki/ca.crt" }],
  ["nobody", {}, {}],
])("what a kubeconfig says with %s is read as client-node reads it", async (_, user, cluster) => {
  const file = kubeconfig(user, cluster);
  const plain = plainAccess(file);
  expect(plain?.server).toBe("https://192.0.2.1:6443/clusters/a");
  expect(plain).toEqual(await clientNodeAccess(file)(false));
});

test.each<[string, object, object, object]>([
  ["a plugin", { exec: { command: "login" } }, {}, {}],
  ["a provider", { "auth-provider": { name: "oidc" } }, {}, {}],
  ["a password", { username: "u", password: "p" }, {}, {}],
  ["another identity", { token: "t", as: "somebody" }, {}, {}],
  ["a proxy", { token: "t" }, { "proxy-url": "http://192.0.2.2" }, {}],
  ["no verification", { token: "t" }, { "insecure-skip-tls-verify": true }, {}],
  ["a token that is none", { token: 7 }, {}, {}],
  ["no context", { token: "t" }, {}, { "current-context": "nowhere" }],
  ["no users", {}, {}, { users: [] }],
  ["nothing at all", {}, {}, { clusters: undefined, contexts: undefined, users: undefined }],
])("a kubeconfig with %s is left to client-node", (_, user, cluster, more) => {
  expect(plainAccess(kubeconfig(user, cluster, more))).toBeUndefined();
});

function fingerprint(user: object, cluster = {}): string | undefined {
  return plainAccess(kubeconfig(user, cluster))?.fingerprint;
}

test("a changed authority or certificate is another fingerprint, a changed token is none", () => {
  const before = fingerprint({ token: "a" });
  expect(fingerprint({ token: "b" })).toBe(before);
  expect(fingerprint({ token: "a" }, { "certificate-authority-data": data("other") })).not.toBe(before);
  expect(fingerprint(certificate)).not.toBe(before);
});

test.each([
  ["192.0.2.7", "https://192.0.2.7:443"],
  ["2001:db8::7", "https://[2001:db8::7]:443"],
])("a pod at the server %s shows the token that its ServiceAccount has now", (host, url) => {
  const { server: found, headers, tls } = podAccess({ host, port: "443" }, folder);
  expect(found).toBe(url);
  expect(headers).toEqual({ authorization: "Bearer of-the-pod" });
  expect(tls).toMatchObject({ ca: Buffer.from("authority") });
});
