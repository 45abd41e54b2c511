import { flushCompileCache } from "node:module";
import { createInterface } from "node:readline";
import { buildDirectory } from "../../relay/directory.ts";
import { startSubmission } from "../../relay/session/submission.ts";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import type { Store } from "../../relay/store/store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger, type Logger } from "../../runtime/log.ts";
import type { FrontSettings } from "./relay-front.ts";

/**
 * A process that takes mail over implicit TLS into the store of its settings, and delivers nothing: the front of the relay
 * as it is, for those who want to kill or to measure it. Says `listening <port>`, and to each line of its input
 * `round trips <count>`: how often it asked Redis.
 */
async function main({ store: place, tls, limits, tenants, domains }: FrontSettings): Promise<void> {
  const log = createLogger({ level: "error", destination: process.stderr });
  let roundTrips = 0;
  const store = await openAt(place, { log, onRoundTrip: () => roundTrips++ });
  const directory = buildDirectory(tenants, domains);
  const submission = await startSubmission({
    listeners: [{ name: "submissions", host: "127.0.0.1", port: 0, tls: "Implicit" }],
    tls,
    limits,
    hostname: "mail.example",
    directory: () => directory,
    spool: store.spool,
    ledger: store.ledger,
    clock: systemClock,
    log,
    events: () => undefined,
  });
  // Who is killed leaves nothing behind for the next one's start.
  flushCompileCache();
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

const [, , settings = ""] = process.argv;
await main(JSON.parse(settings) as FrontSettings);
