import { loadCertificate } from "../../relay/session/certificate.ts";
import type { CertificateFiles } from "../../relay/session/certificate.ts";
import { buildDirectory } from "../../relay/directory.ts";
import { eventLog } from "../../relay/event/event-log.ts";
import { startSubmission } from "../../relay/session/submission.ts";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger, lineLog } from "../../runtime/log.ts";
import { joinPrimary } from "../../runtime/workers/join-primary.ts";
import { openRedisStore } from "../harness/redis-store.ts";
import { domains, shop, testLimits } from "../harness/submission.ts";

/** What a worker of the bench is told. */
export interface FrontTask {
  /** A folder, or the URL of a Redis. */
  readonly place: string;
  readonly port: number;
  readonly certificate: CertificateFiles;
}

/** One of several processes that take mail on one port into one store, tell their events, and deliver nothing. */
const primary = await joinPrimary(systemClock);
const { place, port, certificate } = primary.task as FrontTask;
const log = createLogger({ level: "error", destination: process.stderr });
const store = place.startsWith("redis:")
  ? await openRedisStore(place, { log, timing: {} })
  : await openStore({ path: place, clock: systemClock, log });
const directory = buildDirectory(
  [{ ...shop, allowance: { credits: { type: "OneTime", amount: 1e9 }, topUps: [] } }],
  domains,
);
const submission = await startSubmission({
  listeners: [{ name: "submissions", host: "127.0.0.1", port, tls: "Implicit" }],
  tls: await loadCertificate(certificate, systemClock.now()),
  limits: testLimits({ messagesPerConnection: 1_000_000 }),
  hostname: "mail.example",
  directory: () => directory,
  spool: store.spool,
  ledger: store.ledger,
  clock: systemClock,
  log,
  events: eventLog(lineLog()),
});
primary.ready(async () => submission.connections());
await primary.stop;
await submission.stop();
await store.close();
process.exit(0);
