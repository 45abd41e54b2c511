import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority } from "../test/harness/control-plane-pki.ts";
import { listenerTrust } from "./listener-trust.ts";

describe("what clients must trust", () => {
  const folder = mkdtempSync(join(tmpdir(), "posthouse-trust-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const made = { selfSigned: "", issued: "", authority: "" };
  beforeAll(async () => {
    const authority = await createAuthority();
    made.authority = made.selfSigned = authority.ca;
    made.issued = (await authority.server(["relay.example.net"])).cert;
  });
  const trust = async (files: Readonly<Record<string, string>>): Promise<string | undefined> => {
    const at = mkdtempSync(join(folder, "tls-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(at, name), text);
    return listenerTrust(at);
  };

  test("is the authority that the Secret names", async () => {
    expect(await trust({ "tls.crt": made.issued, "ca.crt": made.authority })).toBe(made.authority);
  });
  test("is the certificate itself when it is self-signed", async () => {
    expect(await trust({ "tls.crt": made.selfSigned })).toBe(made.selfSigned);
  });
  test("is nothing of ours when somebody else signed it", async () => {
    expect(await trust({ "tls.crt": made.issued, "ca.crt": "" })).toBeUndefined();
  });
  test("is nothing when there is no certificate, or none that can be read", async () => {
    expect(await trust({})).toBeUndefined();
    expect(await trust({ "tls.crt": "nonsense" })).toBeUndefined();
  });
});
