import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority } from "../test/harness/control-plane-pki.ts";
import { createManualClock } from "../test/harness/manual-clock.ts";
import { until } from "../test/harness/until.ts";
import { followListenerTrust, listenerTrust } from "./listener-trust.ts";

describe("what clients must trust", () => {
  const folder = mkdtempSync(join(tmpdir(), "posthouse-trust-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const made = { selfSigned: "", issued: "", authority: "" };
  beforeAll(async () => {
    const authority = await createAuthority();
    made.authority = made.selfSigned = authority.ca;
    made.issued = (await authority.server(["relay.example.net"])).cert;
  });
  const folderOf = (files: Readonly<Record<string, string>>): string => {
    const at = mkdtempSync(join(folder, "tls-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(at, name), text);
    return at;
  };
  const trust = async (files: Readonly<Record<string, string>>): Promise<string | undefined> =>
    (await listenerTrust(folderOf(files)))?.certificates;

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

  test("is told once while it cannot be read, and once more when that happens again", async () => {
    const at = folderOf({ "tls.crt": made.selfSigned });
    const clock = createManualClock(0);
    const told: string[] = [];
    let rounds = 0;
    const follower = await followListenerTrust({
      folder: at,
      clock: {
        after(delay, callback) {
          rounds += 1;
          return clock.after(delay, callback);
        },
      },
      log: pino({ level: "warn" }, { write: (line: string) => void told.push(line) }),
    });
    const threeRounds = async (): Promise<void> => {
      const enough = rounds + 3;
      await until("it looks three times", async () => {
        await clock.advance(10_000);
        return rounds >= enough || undefined;
      });
    };
    for (const _ of ["first", "again"]) {
      mkdirSync(join(at, "ca.crt"));
      await threeRounds();
      rmdirSync(join(at, "ca.crt"));
      await threeRounds();
    }
    await follower.stop();
    expect(told).toEqual([expect.stringContaining("EISDIR"), expect.stringContaining("EISDIR")]);
  });

  test("is read again when the Secret comes, and when it is renewed; one that is gone says nothing", async () => {
    const at = folderOf({});
    const clock = createManualClock(0);
    const told: (string | undefined)[] = [];
    const follower = await followListenerTrust({
      folder: at,
      clock,
      log: pino({ level: "silent" }),
    });
    follower.follow((certificates) => told.push(certificates));
    expect(follower.current()).toBeUndefined();
    const steps: readonly (readonly [file: string, text: string | undefined])[] = [
      ["tls.crt", made.selfSigned],
      ["ca.crt", "another authority"],
      ["ca.crt", undefined],
      ["tls.crt", made.issued],
    ];
    for (const [i, [file, text]] of steps.entries()) {
      if (text === undefined) rmSync(join(at, file));
      else writeFileSync(join(at, file), text);
      await until("it is noticed", async () => {
        await clock.advance(10_000);
        return told.length > i || undefined;
      });
    }
    expect(told).toEqual([made.selfSigned, "another authority", made.selfSigned, undefined]);
    rmSync(join(at, "tls.crt"));
    await clock.advance(60_000);
    await follower.stop();
    expect(told).toHaveLength(steps.length);
  });
});
