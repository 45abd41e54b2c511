import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect, test, vi } from "vitest";
import type { Clock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { CertificateError, type Certificate, loadCertificate } from "./certificate.ts";
import { watchCertificate } from "./certificate-renewal.ts";
import { selfSignedCertificate } from "./self-signed.ts";

const day = 86_400_000;
const good = (name: string, notAfter = 90 * day): Certificate => ({ cert: name, key: name, notAfter });

function setUp(current: Certificate, load: () => Promise<Certificate>) {
  const lines: string[] = [];
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    after(_delay, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
    sleep: () => Promise.resolve(),
  };
  const log = createLogger({
    level: "info",
    destination: new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) }),
  });
  const used: string[] = [];
  const stop = watchCertificate({ load, current, clock, log, onRenewed: ({ cert }) => used.push(cert) });
  const minute = async (): Promise<void> => {
    const due = [...timers];
    timers.clear();
    for (const callback of due) callback();
    await vi.waitFor(() => expect(timers.size).toBe(1));
  };
  return { used, lines, timers, stop, minute };
}

test("a renewed certificate is used, once, without a restart", async () => {
  let stands = good("first");
  const { used, minute, stop, timers } = setUp(stands, async () => stands);
  await minute();
  expect(used).toEqual([]);
  stands = good("second");
  await minute();
  await minute();
  expect(used).toEqual(["second"]);
  stop();
  expect(timers.size).toBe(0);
});

test("one that a kubelet swaps by a symbolic link is used", async () => {
  const folder = await mkdtemp(join(tmpdir(), "posthouse-certificate-"));
  const now = Date.now();
  const mounted = async (version: string): Promise<void> => {
    const made = await selfSignedCertificate(join(folder, `made-${version}`), "relay.example", now);
    const { cert, key } = await loadCertificate(made, now);
    await mkdir(join(folder, `..${version}`));
    await writeFile(join(folder, `..${version}`, "tls.crt"), cert);
    await writeFile(join(folder, `..${version}`, "tls.key"), key);
    await symlink(`..${version}`, join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  };
  await mounted("2026_11_22");
  await symlink("..data/tls.crt", join(folder, "tls.crt"));
  await symlink("..data/tls.key", join(folder, "tls.key"));
  const files = { certificateFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  const first = await loadCertificate(files, now);
  const { used, lines, minute, stop } = setUp(first, () => loadCertificate(files, now));
  await minute();
  expect(used).toEqual([]);
  await mounted("2026_11_23");
  await minute();
  const renewed = await loadCertificate(files, now);
  expect(renewed.cert).not.toBe(first.cert);
  expect(used).toEqual([renewed.cert]);
  expect(lines.join("")).not.toContain("cannot be used");
  stop();
  await rm(folder, { recursive: true });
});

test("one that cannot be used is logged, and the one before stays", async () => {
  const { used, lines, minute, stop } = setUp(good("first"), () =>
    Promise.reject(new CertificateError("is half there")),
  );
  await minute();
  expect(used).toEqual([]);
  expect(lines.join("")).toContain("the one before stays");
  stop();
});

test("one that expires within a week is warned of", async () => {
  const { lines, minute, stop } = setUp(good("old", 6 * day), async () => good("old", 6 * day));
  await minute();
  expect(lines.join("")).toContain("expires soon");
  stop();
});
