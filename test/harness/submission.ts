import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { hashSecret, issueApiKey } from "../../contract/api-key.ts";
import type { DomainContract } from "../../contract/domain-contract.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { buildDirectory, type Directory } from "../../relay/directory.ts";
import { MailEvent } from "../../relay/event/event.ts";
import { type Certificate, loadCertificate } from "../../relay/session/certificate.ts";
import { type Limits, LimitsConfig, readLimits } from "../../relay/session/config.ts";
import { selfSignedCertificate } from "../../relay/session/self-signed.ts";
import { startSubmission, type Submission } from "../../relay/session/submission.ts";
import type { Store } from "../../relay/store/store.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { type Dialogue, dialogue } from "./smtp-dialogue.ts";
import { watchedStore, type WatchedStore } from "./watched-store.ts";

/** The default limits, with delays as short as tests want them. */
export function testLimits(changes: Partial<Limits> = {}): Limits {
  const fleet: { limits?: LimitsConfig } = {};
  new Ajv({ useDefaults: true, strict: true }).validate(
    { type: "object", properties: { limits: LimitsConfig } },
    fleet,
  );
  return {
    ...readLimits(fleet.limits!),
    greetingDelay: 0,
    failedAuthenticationDelay: 0,
    rateRefusalDelay: 0,
    stopTimeout: 2000,
    ...changes,
  };
}

const isEvent = new Ajv().compile(MailEvent);

const secret = new Uint8Array(32).fill(7);

/** An API key with this id; all have the same secret. */
export function keyOf(id: string): string {
  return issueApiKey(id, secret);
}

/** The AUTH PLAIN response of an API key. */
export function plainOf(password: string, username = "apikey"): string {
  return Buffer.from(`\0${username}\0${password}`).toString("base64");
}

function credential(id: string): TenantContract["environments"][number]["credentials"][number] {
  return { id, name: id, sha256: hashSecret(secret), allowedSources: [] };
}

/** A tenant with an environment of each mode. */
export const shop: TenantContract = {
  version: 1,
  namespace: "team-shop",
  name: "shop",
  sending: { state: "Active", reason: "Enabled" },
  environments: [
    {
      name: "production",
      mode: "Deliver",
      domains: ["shop.example"],
      credentials: [
        credential("production00"),
        { ...credential("faraway00000"), allowedSources: ["192.0.2.0/24"] },
        { ...credential("expired00000"), notAfter: 1 },
      ],
    },
    { name: "staging", mode: "Capture", credentials: [credential("staging00000")] },
    { name: "marketing", mode: "Disabled", credentials: [credential("marketing000")] },
  ],
  allowance: { credits: { type: "OneTime", amount: 100 }, topUps: [] },
  delivery: { route: "Direct", tlsPolicy: "Opportunistic", smarthosts: [] },
  unproven: [{ domain: "soon.example", keys: [] }],
};

function held(domain: string, namespace: string, tenant: string): DomainContract {
  return { version: 1, domain, claim: { namespace, name: domain }, tenant, keys: [], provenAt: 1 };
}

export const domains: readonly DomainContract[] = [
  held("shop.example", "team-shop", "shop"),
  held("second.example", "team-shop", "shop"),
  held("bank.example", "team-bank", "bank"),
  held("namesake.example", "team-other", "shop"),
];

/** A relay's front on a free port of 127.0.0.1, with all that a test looks at. */
export interface TestSubmission {
  readonly submission: Submission;
  readonly store: WatchedStore;
  readonly events: MailEvent[];
  /** Lines of the log, at its most talkative. */
  readonly logged: readonly string[];
  directory: Directory;
  /** Milliseconds. */
  contractsAge: number;
  readonly connect: (implicitTls?: boolean) => Promise<Dialogue>;
  /** Connected over implicit TLS, greeted and authenticated. */
  readonly login: (id?: string) => Promise<Dialogue>;
  readonly port: number;
  readonly tlsPort: number;
}

let certificate: Promise<Certificate> | undefined;

/** One self-signed certificate for all tests of a process. */
export async function testCertificate(): Promise<Certificate> {
  certificate ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), "posthouse-test-"));
    const files = await selfSignedCertificate(folder, "mail.example", Date.now());
    const loaded = await loadCertificate(files, Date.now());
    await rm(folder, { recursive: true });
    return loaded;
  })();
  return certificate;
}

/** Starts one, on the embedded store or the one given, and calls `onStarted` with what stops it and closes its clients. */
export async function testSubmission(
  onStarted: (stop: () => Promise<void>) => void,
  limits: Partial<Limits> = {},
  clock: Clock = systemClock,
  opened?: Store,
): Promise<TestSubmission> {
  const store = await watchedStore(opened);
  const events: MailEvent[] = [];
  const logged: string[] = [];
  const clients: Dialogue[] = [];
  const state = { directory: buildDirectory([shop], domains), contractsAge: 0 };
  const submission = await startSubmission({
    listeners: [
      { name: "submission", host: "127.0.0.1", port: 0, tls: "StartTLS" },
      { name: "submissions", host: "127.0.0.1", port: 0, tls: "Implicit" },
    ],
    tls: await testCertificate(),
    limits: testLimits(limits),
    hostname: "mail.example",
    directory: () => state.directory,
    contractsAge: () => state.contractsAge,
    spool: store.spool,
    ledger: store.ledger,
    clock,
    log: createLogger({ level: "trace", destination: { write: (line) => void logged.push(line) } }),
    events: (event) => {
      events.push(event);
      if (!isEvent(event)) throw new Error(`no event: ${JSON.stringify(isEvent.errors)}`);
    },
  });
  onStarted(async () => {
    for (const client of clients) client.close();
    await submission.stop();
    await store.close();
  });
  const port = submission.addresses.get("submission")!.port;
  const tlsPort = submission.addresses.get("submissions")!.port;
  const open = async (implicitTls: boolean): Promise<Dialogue> => {
    const client = await dialogue({ port: implicitTls ? tlsPort : port, implicitTls });
    clients.push(client);
    return client;
  };
  return Object.assign(state, {
    submission,
    store,
    events,
    logged,
    port,
    tlsPort,
    connect: (implicitTls = false) => open(implicitTls),
    async login(id = "production00") {
      const client = await open(true);
      await client.reply();
      await client.say("EHLO client.example");
      const answer = await client.say(`AUTH PLAIN ${plainOf(keyOf(id))}`);
      if (!answer.startsWith("235")) throw new Error(answer);
      return client;
    },
  });
}
