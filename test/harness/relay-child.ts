import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DomainContract } from "../../contract/domain-contract.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { buildDirectory } from "../../relay/directory.ts";
import { loadCertificate } from "../../relay/session/certificate.ts";
import { selfSignedCertificate } from "../../relay/session/self-signed.ts";
import { startSubmission } from "../../relay/session/submission.ts";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import type { Store } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger, type Logger } from "../../runtime/log.ts";
import { domains, shop, testLimits } from "./submission.ts";

/** Rich, and without any limit. */
const rich: TenantContract = { ...shop, allowance: { credits: { type: "OneTime", amount: 1e9 }, topUps: [] } };

/**
 * A process that takes mail over implicit TLS into the store at its argument, a folder or the URL of a Redis, and delivers
 * nothing: the front of the relay as it is, for those who want to kill or to measure it. Says `listening <port>`, and to
 * each line of its input `round trips <count>`: how often it asked Redis. Its tenants are {@link shop}, or those of the
 * second argument, JSON of their contracts and their domains'.
 */
async function main(place: string, contracts: Contracts): Promise<void> {
  const log = createLogger({ level: "error", destination: process.stderr });
  const folder = await mkdtemp(join(tmpdir(), "posthouse-relay-"));
  const tls = await loadCertificate(await selfSignedCertificate(folder, "mail.example", Date.now()), Date.now());
  await rm(folder, { recursive: true });
  let roundTrips = 0;
  const store = await openAt(place, { log, onRoundTrip: () => roundTrips++ });
  const directory = buildDirectory(contracts.tenants, contracts.domains);
  const submission = await startSubmission({
    listeners: [{ name: "submissions", host: "127.0.0.1", port: 0, tls: "Implicit" }],
    tls,
    limits: testLimits({ messagesPerConnection: 1_000_000, rateRefusalDelay: 1000 }),
    hostname: "mail.example",
    directory: () => directory,
    spool: store.spool,
    ledger: store.ledger,
    clock: systemClock,
    log,
    events: () => undefined,
  });
  process.stdout.write(`listening ${submission.addresses.get("submissions")?.port}\n`);
  createInterface({ input: process.stdin })
    .on("line", () => process.stdout.write(`round trips ${roundTrips}\n`))
    .on("close", () => void submission.stop().then(() => store.close()));
}

/** What only Redis needs is loaded only for it: whoever kills relays starts many. */
async function openAt(place: string, { log, onRoundTrip }: { log: Logger; onRoundTrip: () => void }): Promise<Store> {
  if (!place.startsWith("redis:")) return openStore({ path: place, clock: systemClock, log });
  const { openRedisStore } = await import("./redis-store.ts");
  return openRedisStore(place, { log, onRoundTrip, timing: {} });
}

/** What the second argument may say. */
export interface Contracts {
  readonly tenants: readonly TenantContract[];
  readonly domains: readonly DomainContract[];
}

const [, , place = "", given] = process.argv;
await main(place, given === undefined ? { tenants: [rich], domains } : (JSON.parse(given) as Contracts));
