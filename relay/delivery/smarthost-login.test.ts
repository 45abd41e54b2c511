import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { DomainContract } from "../../contract/domain-contract.ts";
import type { SmarthostSecret } from "../../contract/smarthost-secret.ts";
import type { ContractSmarthostCredential, TenantContract } from "../../contract/tenant-contract.ts";
import { addressGuard } from "../../net/address-guard.ts";
import type { Resolver } from "../../net/resolver.ts";
import { systemClock } from "../../runtime/clock.ts";
import { makeTestKeys, type TestKeys } from "../../test/harness/dkim-keys.ts";
import { startSmarthost, testCertificate, type TestSmarthost } from "../../test/harness/smarthost.ts";
import { createPool, type Pool } from "../attempt/pool.ts";
import { openSession } from "../attempt/session.ts";
import { buildDirectory, type Directory } from "../directory.ts";
import type { Outcome } from "../outcome/settle.ts";
import { createSigner } from "../sign/signer.ts";
import type { Delivery } from "../store/spool.ts";
import { createRoom } from "../../runtime/room.ts";
import { deliver, type DeliverParts } from "./deliver.ts";

/** A port of mail, at an address of loopback that no other process uses. */
const address = `127.${1 + (process.pid % 250)}.${(process.pid >> 8) % 250}.26`;
const content = Buffer.from("From: a@example.com\r\nSubject: x\r\n\r\nHello\r\n");
const passwords = { red: "red-secret", blue: "blue-secret" };

let keys: TestKeys;
let upstream: TestSmarthost;
let pool: Pool;
let directory: Directory;
const loginOf = (name: string) => directory.smarthostSecret(name)?.login;
beforeAll(async () => {
  keys = makeTestKeys("example.com");
  const certificate = await testCertificate("smtp.example.net");
  upstream = await startSmarthost({ certificate, accounts: passwords, address, port: 2525 });
  const timeouts = { connectTimeout: 2000, greetingTimeout: 2000, commandTimeout: 2000, dataTimeout: 2000 };
  const limits = { ...timeouts, ca: [certificate.authority] };
  pool = createPool({
    open: (hop, signal) => openSession(hop, { hostname: "relay.example", limits, clock: systemClock, loginOf }, signal),
    limits: { connectionsPerHop: 3, messagesPerConnection: 50, idleTimeout: 5000, unreachableFor: 60_000 },
    clock: systemClock,
  });
});
afterAll(async () => {
  pool.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.received.length = 0;
});

type User = keyof typeof passwords;

const contract = (name: User, credential: ContractSmarthostCredential): TenantContract => ({
  version: 1,
  namespace: "team",
  name,
  sending: { state: "Active", reason: "Enabled" },
  environments: [],
  allowance: { credits: { type: "Unlimited" }, topUps: [] },
  delivery: {
    route: "Smarthost",
    tlsPolicy: "Opportunistic",
    smarthosts: [
      { name: "upstream", priority: 1, host: "smtp.example.net", port: 2525, security: "StartTLS", credential },
    ],
  },
  domains: "Shared",
  shared: { domain: `${name}.example.com`, signedBy: "example.com", namespace: "team" },
  unproven: [],
});

const secret = (tenant: User, password = passwords[tenant]): SmarthostSecret => ({
  source: { namespace: "team", tenant, secret: "upstream", uid: "u" },
  login: { username: tenant, password },
});

const named = (secretName: string): ContractSmarthostCredential => ({ kind: "Secret", secretName });

function know(
  credentials: Readonly<Partial<Record<User, ContractSmarthostCredential>>>,
  secrets: Readonly<Record<string, SmarthostSecret>>,
): void {
  const tenants = (["red", "blue"] as const).flatMap((name) => {
    const credential = credentials[name];
    return credential ? [contract(name, credential)] : [];
  });
  const claim = { namespace: "team", name: "example-com" };
  const held: DomainContract = {
    version: 1,
    domain: "example.com",
    claim,
    tenant: "platform",
    keys: [...keys.keys],
    provenAt: 0,
  };
  directory = buildDirectory(tenants, [held], new Map(Object.entries(secrets)));
}

const resolver: Resolver = {
  resolve: (_name, type) =>
    Promise.resolve(type === "A" ? { kind: "Records", values: [address] as never, ttl: 1 } : { kind: "NoData" }),
};

let count = 0;
function deliverFor(tenant: User): Promise<Outcome> {
  const id = `m${++count}`;
  const delivery: Delivery = {
    key: id,
    token: count,
    leaseUntil: Number.MAX_SAFE_INTEGER,
    domain: "example.net",
    recipients: [{ address: "a@example.net" }],
    attempts: 0,
    envelope: {
      id,
      tenant: `team/${tenant}`,
      environment: "production",
      credential: "abcdefghij12",
      sender: "bounce@example.com",
      fromDomain: `${tenant}.example.com`,
      messageId: `${id}@example.com`,
      size: content.length,
      eightBit: false,
      smtpUtf8: false,
      acceptedAt: systemClock.now(),
    },
  };
  const parts: DeliverParts = {
    spool: { content: () => Promise.resolve(content) },
    captures: { keep: () => Promise.reject(new Error("not here")) },
    captureOctets: 2 ** 20,
    directory: () => directory,
    signer: createSigner({ keyRing: keys.keyRing, pause: () => Promise.resolve() }),
    route: { resolver, guard: addressGuard(["127.0.0.0/8"]), random: () => 0.5, port: 25 },
    pool,
    room: createRoom(2 ** 20),
    clock: systemClock,
    schedule: { delays: [60_000], jitter: 0, maxAge: 3_600_000 },
  };
  const { signal } = new AbortController();
  return deliver(delivery, parts, { signal, mayEnd: () => Promise.resolve(true) });
}

const words = ({ events, settlement }: Outcome): string =>
  [...events.map((event) => `${event.type} ${"class" in event ? event.class : ""}`), settlement.kind].join(" ");

test("many messages of two tenants through one smarthost go over sessions of their own", async () => {
  know({ red: named("r1"), blue: named("b1") }, { r1: secret("red"), b1: secret("blue") });
  const tenants = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? "red" : "blue"));
  const outcomes = await Promise.all(tenants.map(deliverFor));
  expect(new Set(outcomes.map(words))).toEqual(new Set(["delivered Delivered Done"]));
  expect(upstream.received.map(({ user }) => user).toSorted()).toEqual(tenants.toSorted());
  const users = new Map(upstream.received.map(({ session, user }) => [session, user]));
  expect(upstream.received.filter(({ session, user }) => users.get(session) !== user)).toEqual([]);
  expect(upstream.received.filter(({ content: sent }) => !sent.includes("DKIM-Signature"))).toEqual([]);
});

test.each<[string, ContractSmarthostCredential, Readonly<Record<string, SmarthostSecret>>, RegExp]>([
  ["withheld", { kind: "Withheld", reason: "SecretNotOffered" }, { r1: secret("red") }, /\(SecretNotOffered\)/],
  ["not there yet", named("r1"), {}, /\(SecretNotCopied\)/],
  ["another tenant's", named("b1"), { b1: secret("blue") }, /\(SecretNotCopied\)/],
])("mail waits, no attempt counted, while its credentials are %s", async (_, credential, secrets, why) => {
  know({ red: credential }, secrets);
  const { connections } = upstream;
  const outcome = await deliverFor("red");
  expect(words(outcome)).toBe("deferred CredentialsMissing Again");
  expect(outcome.settlement).toMatchObject({ attempts: 0, lastReply: { hop: "", text: expect.stringMatching(why) } });
  expect(upstream.connections).toBe(connections);
});

test("a wrong password defers, another one is used at once, and what is told holds neither", async () => {
  know({ red: named("r2") }, { r2: secret("red", "wrong-secret") });
  const refused = await deliverFor("red");
  expect(words(refused)).toBe("deferred AuthenticationFailed Again");
  expect(refused.settlement).toMatchObject({
    attempts: 1,
    lastReply: { hop: `smtp.example.net [${address}]:2525`, text: expect.stringContaining("535 5.7.8") },
  });
  know({ red: named("r3") }, { r3: secret("red") });
  const delivered = await deliverFor("red");
  expect(words(delivered)).toBe("delivered Delivered Done");
  expect(JSON.stringify([refused, delivered])).not.toMatch(/(wrong|red)-secret/);
});
