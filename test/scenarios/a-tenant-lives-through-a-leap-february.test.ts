import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseApiKey } from "../../contract/api-key.ts";
import type { RelayTenantSpec, RelayTenantStatus } from "../../crds/relay-tenant.ts";
import { startOperator, type Operator } from "../../operator/operator.ts";
import { authenticationChecks, creditsRemain } from "../../relay/decision/authentication.ts";
import { decide } from "../../relay/decision/chain.ts";
import { tenantMaySend } from "../../relay/decision/submission.ts";
import { watchDirectory, type DirectoryWatch } from "../../relay/directory/watch.ts";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import type { Store } from "../../relay/store/store.ts";
import { createLogger } from "../../runtime/log.ts";
import { createManualClock } from "../harness/manual-clock.ts";
import { createMemoryCluster } from "../harness/memory-cluster.ts";

/** 2028 is a leap year. The clock is passed: a month takes a second. */
const clock = createManualClock(Date.parse("2028-01-31T23:30:00Z"));
const minute = 60_000;
const hour = 60 * minute;
const lines: string[] = [];
const destination = new Writable({ write: (chunk: Buffer, _, done) => (lines.push(chunk.toString()), done()) });
const log = createLogger({ level: "info", destination });
const cluster = createMemoryCluster();
const folder = mkdtempSync(join(tmpdir(), "posthouse-tenant-"));
let store: Store;
let operator: Operator;
let directory: DirectoryWatch;
let sent = 0;

let spec: RelayTenantSpec = {
  allowance: {
    plan: "Pro",
    credits: { type: "Recurring", amount: 10, reset: "Monthly" },
    topUps: [],
    standing: "Normal",
  },
  sending: "Enabled",
  environments: [
    {
      name: "production",
      mode: "Deliver",
      credentials: [
        {
          name: "web",
          secretName: "shop-web",
          rotation: { schedule: "Manual", overlap: "24h", oldKeys: "KeepWhileUsed" },
        },
      ],
    },
  ],
  revokedKeyIds: [],
  delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
};
const key = { kind: "RelayTenant", namespace: "team-shop", name: "shop" } as const;

function put(more: Partial<RelayTenantSpec>, rotate?: string): void {
  spec = { ...spec, ...more };
  const annotations = rotate === undefined ? {} : { annotations: { "posthouse.dev/rotate": rotate } };
  cluster.put({
    apiVersion: "posthouse.dev/v1alpha1",
    kind: "RelayTenant",
    metadata: { namespace: "team-shop", name: "shop", ...annotations },
    spec,
  });
}

const allow = (more: Partial<RelayTenantSpec["allowance"]>): void => put({ allowance: { ...spec.allowance, ...more } });
const status = (): RelayTenantStatus | undefined =>
  cluster.get<"RelayTenant">(key)?.status as RelayTenantStatus | undefined;
const reason = (type: string): string | undefined => status()?.conditions?.find((each) => each.type === type)?.reason;
const credential = () => status()?.environments?.[0]?.credentials[0];
const apiKey = (): string =>
  cluster.get<"Secret">({ kind: "Secret", namespace: "team-shop", name: "shop-web" })?.data["password"] ?? "";
const notes = (wanted: string): number => lines.filter((line) => line.includes(`"reason":"${wanted}"`)).length;

/** Waits for what others do, while their timers of the next moments fire. */
const until = (check: () => void): Promise<void> =>
  vi.waitFor(
    async () => {
      await clock.advance(50);
      check();
    },
    { timeout: 10_000, interval: 5 },
  );

/** What a relay answers to somebody who submits with a key: AUTH, MAIL, and a message to so many. */
async function submit(password: string, recipients: number): Promise<string> {
  const parsed = parseApiKey(password);
  const login = directory.current().login(parsed?.id ?? "");
  const now = clock.now();
  const known = decide(authenticationChecks, { username: "apikey", key: parsed, login, source: "192.0.2.1", now });
  if (known.kind !== "Accept" || login === undefined) return known.kind === "Accept" ? "" : known.reason;
  const facts = { directory: directory.current(), login, source: "192.0.2.1", now, senderDomain: undefined };
  const usage = await store.ledger.usage(login.tenantKey);
  for (const verdict of [creditsRemain({ login, usage, now }), tenantMaySend(facts)])
    if (verdict.kind !== "Accept") return verdict.reason;
  await store.ledger.noteKeyUse(login.tenantKey, login.credential.id, now);
  sent += 1;
  const { tenantKey: tenant, environment, tenant: contract } = login;
  const to = Array.from({ length: recipients }, (_, index) => ({ address: `you${index}@there.example` }));
  const result = await store.spool.accept({
    envelope: {
      id: `m${sent}`,
      tenant,
      environment: environment.name,
      credential: login.credential.id,
      sender: "",
      fromDomain: "shop.example",
      messageId: `m${sent}@shop.example`,
      size: 1,
      eightBit: false,
      smtpUtf8: false,
      acceptedAt: now,
    },
    content: Buffer.from("x"),
    deliveries: [{ domain: "there.example", recipients: to }],
    charge: { tenant, allowance: contract.allowance, recipients },
  });
  return typeof result === "object" ? result.kind : result;
}

beforeAll(async () => {
  store = await openStore({ path: folder, clock, log });
  put({});
  directory = watchDirectory({ cluster, contractNamespace: "posthouse-system", clock, log });
  operator = startOperator({
    cluster,
    resolver: { resolve: () => Promise.resolve({ kind: "NoData", negativeTtl: 0 }) },
    usage: {
      usage: async (tenants) =>
        new Map(
          await Promise.all(
            tenants.map(async (tenant) => {
              const credits = await store.ledger.usage(tenant);
              return [tenant, { ...(credits && { credits }), keysUsed: await store.ledger.keysUsed(tenant) }] as const;
            }),
          ),
        ),
    },
    clock,
    log,
    random: () => 0,
    settings: {
      contractNamespace: "posthouse-system",
      plans: { Pro: { maxCredits: "Unlimited", namespaces: ["team-*"] } },
      spfInclude: "_spf.relay.example",
      dns: { activationDelay: 0, checkInterval: hour, missingInterval: hour, missingIntervalMax: hour },
      submission: { host: "relay.example", port: 587, implicitTls: false },
      usageInterval: 10 * minute,
    },
  });
});
afterAll(async () => {
  await operator.stop();
  directory.stop();
  await store.close();
  rmSync(folder, { recursive: true });
});

test("January's credits run low and out, and each is said once", async () => {
  await until(() => expect(reason("Ready")).toBe("Reconciled"));
  expect(await submit(apiKey(), 9)).toBe("AcceptedLow");
  await clock.advance(10 * minute);
  await until(() => expect(reason("CreditsAvailable")).toBe("CreditsLow"));
  expect(await submit(apiKey(), 2)).toBe("Exhausted");
  expect(await submit(apiKey(), 1)).toBe("AcceptedLast");
  expect(await submit(apiKey(), 1)).toBe("CreditsExhausted");
  await clock.advance(10 * minute);
  await until(() => expect(reason("CreditsAvailable")).toBe("CreditsExhausted"));
  expect([notes("CreditsLow"), notes("CreditsExhausted"), notes("CreditsRenewed")]).toEqual([1, 1, 0]);
});

test("February begins at 00:00 UTC, for the relay without a word from the operator", async () => {
  clock.jump(Date.parse("2028-01-31T23:59:59.999Z") - clock.now());
  expect(await submit(apiKey(), 1)).toBe("CreditsExhausted");
  clock.jump(1);
  expect(await submit(apiKey(), 1)).toBe("Accepted");
  await clock.advance(hour);
  await until(() => expect(status()?.credits).toMatchObject({ period: "2028-02", limit: 10, used: 1 }));
  expect(status()?.credits?.resetsAt).toBe("2028-03-01T00:00:00Z");
  expect(notes("CreditsRenewed")).toBe(1);
});

test("a top-up is spent after the base, and ends on the leap day", async () => {
  allow({ topUps: [{ name: "leap", amount: 5, expiresAt: "2028-02-29T12:00:00Z" }] });
  await until(() => expect(status()?.credits?.limit).toBe(15));
  expect(await submit(apiKey(), 11)).toBe("Accepted");
  clock.jump(Date.parse("2028-02-29T11:59:00Z") - clock.now());
  expect(await submit(apiKey(), 1)).toBe("Accepted");
  clock.jump(minute);
  expect(await submit(apiKey(), 1)).toBe("CreditsExhausted");
});

test("another reset opens a new period at once", async () => {
  allow({ credits: { type: "Recurring", amount: 10, reset: "Daily" } });
  await until(() => expect(status()?.credits?.period).toBe("2028-02-29"));
  expect(await submit(apiKey(), 1)).toBe("Accepted");
  clock.jump(Date.parse("2028-03-01T00:00:00Z") - clock.now());
  await clock.advance(hour);
  await until(() => expect(status()?.credits).toMatchObject({ period: "2028-03-01", used: 0 }));
});

test("a key is rotated by annotation, once a word, and the old one lives while it is used", async () => {
  allow({ credits: { type: "Unlimited" }, topUps: [] });
  const old = apiKey();
  put({}, "production/web=march");
  await until(() => expect(credential()?.lastHandledRotation).toBe("march"));
  expect(apiKey()).not.toBe(old);
  put({ sending: "Enabled" }, "production/web=march");
  for (let hours = 0; hours < 30; hours++) {
    await clock.advance(hour);
    await until(() => expect(credential()?.oldKeyIds).toEqual([parseApiKey(old)?.id]));
    expect(await submit(old, 1)).toBe("Accepted");
  }
  expect(reason("CredentialsReady")).toBe("OldKeyInUse");
  await clock.advance(25 * hour);
  await until(() => expect(reason("CredentialsReady")).toBe("CredentialsIssued"));
  expect(await submit(old, 1)).toBe("UnknownKey");
  expect(await submit(apiKey(), 1)).toBe("Accepted");
  expect(notes("CredentialIssued")).toBe(2);
});

test("a revoked key is refused at once, and another takes its place", async () => {
  const leaked = apiKey();
  put({ revokedKeyIds: [parseApiKey(leaked)?.id ?? ""] }, "production/web=march");
  await until(() => expect(apiKey()).not.toBe(leaked));
  await until(() => expect(credential()?.keyId).toBe(parseApiKey(apiKey())?.id));
  expect(await submit(leaked, 1)).toBe("UnknownKey");
  expect(await submit(apiKey(), 1)).toBe("Accepted");
  expect(credential()?.lastHandledRotation).toBe("march");
});

test("a suspended tenant is refused, and is back when it is not", async () => {
  allow({ standing: "Suspended" });
  await until(() => expect(status()?.sending).toEqual({ state: "Suspended", reason: "SuspendedByPlatform" }));
  expect(await submit(apiKey(), 1)).toBe("TenantSuspended");
  allow({ standing: "Normal" });
  await until(() => expect(reason("SendingAllowed")).toBe("Enabled"));
  expect(await submit(apiKey(), 1)).toBe("Accepted");
});
