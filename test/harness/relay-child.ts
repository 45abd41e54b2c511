import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildDirectory } from "../../relay/directory.ts";
import { loadCertificate } from "../../relay/session/certificate.ts";
import { selfSignedCertificate } from "../../relay/session/self-signed.ts";
import { startSubmission } from "../../relay/session/submission.ts";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { domains, shop, testLimits } from "./submission.ts";

/**
 * A process that takes mail of {@link shop} over implicit TLS into the store at its argument, and delivers nothing:
 * the front of the relay as it is, for those who want to kill or to measure it. Says `listening <port>`.
 */
async function main(path: string): Promise<void> {
  const log = createLogger({ level: "error", destination: process.stderr });
  const folder = await mkdtemp(join(tmpdir(), "posthouse-relay-"));
  const tls = await loadCertificate(await selfSignedCertificate(folder, "mail.example", Date.now()), Date.now());
  await rm(folder, { recursive: true });
  const store = await openStore({ path, clock: systemClock, log });
  const rich = { ...shop, allowance: { credits: { type: "OneTime" as const, amount: 1e9 }, topUps: [] } };
  const directory = buildDirectory([rich], domains);
  const submission = await startSubmission({
    listeners: [{ name: "submissions", host: "127.0.0.1", port: 0, tls: "Implicit" }],
    tls,
    limits: testLimits({ messagesPerConnection: 1_000_000 }),
    hostname: "mail.example",
    directory: () => directory,
    spool: store.spool,
    ledger: store.ledger,
    clock: systemClock,
    log,
    events: () => undefined,
  });
  process.stdout.write(`listening ${submission.addresses.get("submissions")?.port}\n`);
  process.stdin.resume().on("end", () => void submission.stop().then(() => store.close()));
}

await main(process.argv[2] ?? "");
