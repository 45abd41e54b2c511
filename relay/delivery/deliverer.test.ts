import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import Type from "typebox";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { DomainContract } from "../../contract/domain-contract.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { addressGuard } from "../../net/address-guard.ts";
import { dnsClient } from "../../net/dns-client.ts";
import type { Answer, RecordType, Resolver } from "../../net/resolver.ts";
import { systemClock, type Clock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { makeTestKeys, type TestKeys } from "../../test/harness/dkim-keys.ts";
import { startMxSink, type MxSink, type MxSinkOptions } from "../../test/harness/mx-sink.ts";
import { startZoneServer } from "../../test/harness/zone-server.ts";
import { DeliveryConfig } from "../attempt/config.ts";
import { buildDirectory, type Directory } from "../directory.ts";
import { MailEvent } from "../event/event.ts";
import { createSigner } from "../sign/signer.ts";
import { openStore } from "../store/lmdb/open-store.ts";
import type { Envelope, NewDelivery } from "../store/spool.ts";
import type { Store } from "../store/store.ts";
import { startDeliverer, type Deliverer, type DelivererOptions } from "./deliverer.ts";

const silent = createLogger({ level: "silent", destination: { write: () => undefined } });
const validateConfig = new Ajv({ useDefaults: true, strict: true }).compile(Type.Object({ delivery: DeliveryConfig }));

const validateEvent = new Ajv({ strict: true }).compile(MailEvent);

function configWith(some: Partial<DeliveryConfig>): DeliveryConfig {
  const fleet: { delivery: Partial<DeliveryConfig> } = { delivery: { ...some } };
  if (!validateConfig(fleet)) throw new Error(JSON.stringify(validateConfig.errors));
  return fleet.delivery as DeliveryConfig;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

let keys: TestKeys;
beforeAll(() => {
  keys = makeTestKeys("example.com");
});

function tenantContract(): TenantContract {
  return {
    version: 1,
    namespace: "team-shop",
    name: "shop",
    sending: { state: "Active", reason: "Enabled" },
    environments: [],
    allowance: { credits: { type: "Unlimited" }, topUps: [] },
    delivery: { route: "Direct", tlsPolicy: "Opportunistic", smarthosts: [] },
    unproven: [],
  };
}

function domainContract(some: Partial<DomainContract> = {}): DomainContract {
  const claim = { namespace: "team-shop", name: "example-com" };
  return { version: 1, domain: "example.com", claim, tenant: "shop", keys: [...keys.keys], provenAt: 0, ...some };
}

/** Answers that every domain's mail goes to 127.0.0.1; names in `failing` fail. */
function loopbackResolver(failing: ReadonlySet<string> = new Set()): Resolver {
  return {
    resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
      if (failing.has(name)) return Promise.reject(new Error("the resolver broke"));
      if (type !== "A") return Promise.resolve({ kind: "NoData" });
      return Promise.resolve({ kind: "Records", values: ["127.0.0.1"], ttl: 1 } as unknown as Answer<T>);
    },
  };
}

/** Says that mail for dead.example goes to 127.0.0.2, all other to 127.0.0.1. */
const splitResolver: Resolver = {
  resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    if (type !== "A") return Promise.resolve({ kind: "NoData" });
    const values = [name === "dead.example" ? "127.0.0.2" : "127.0.0.1"];
    return Promise.resolve({ kind: "Records", values, ttl: 1 } as unknown as Answer<T>);
  },
};

/** A server at 127.0.0.2 that takes connections and says nothing. Resolves with what ends it. */
async function startTarpit(port: number): Promise<() => void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.2", resolve);
  });
  return () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
}

interface World {
  readonly store: Store;
  readonly sink: MxSink;
  readonly events: MailEvent[];
  readonly clock: Clock & { offset: number };
  readonly deliverer: Deliverer;
  directory: Directory;
  accept(id: string, some?: Partial<Envelope>, deliveries?: readonly NewDelivery[]): Promise<void>;
  /** Resolves when so many events were told. */
  told(count: number): Promise<readonly string[]>;
}

const content = Buffer.from("From: a@example.com\r\nSubject: x\r\n\r\n.dots\r\n");

async function start(
  some: Partial<DelivererOptions> = {},
  config: Partial<DeliveryConfig> = {},
  sinkOptions: MxSinkOptions = {},
): Promise<World> {
  const path = await mkdtemp(join(tmpdir(), "posthouse-deliverer-"));
  closers.push(() => rm(path, { recursive: true }));
  const clock = { ...systemClock, offset: 0, now: () => Date.now() + clock.offset };
  const store = await openStore({ path, clock, log: silent });
  closers.push(() => store.close());
  const sink = await startMxSink(sinkOptions);
  closers.push(() => sink.close());
  const events: MailEvent[] = [];
  let directory = buildDirectory([tenantContract()], [domainContract()]);
  const deliverer = startDeliverer({
    spool: store.spool,
    captures: store.captures,
    directory: () => directory,
    signer: createSigner({ keyRing: keys.keyRing, pause: () => Promise.resolve() }),
    resolver: loopbackResolver(),
    guard: addressGuard(["127.0.0.0/8"]),
    hostname: "relay.example",
    config: configWith({ port: sink.port, retry: { delays: ["50ms"], jitter: 0 }, ...config }),
    clock,
    random: () => 0.5,
    log: silent,
    events: (event) => void events.push(event),
    ...some,
  });
  closers.push(() => deliverer.stop(0));
  return {
    store,
    sink,
    events,
    clock,
    deliverer,
    get directory() {
      return directory;
    },
    set directory(next) {
      directory = next;
    },
    async accept(
      id,
      envelope = {},
      deliveries = [{ domain: "example.net", recipients: [{ address: "a@example.net" }] }],
    ) {
      await store.spool.accept({
        envelope: {
          id,
          tenant: "team-shop/shop",
          environment: "production",
          credential: "abcdefghij12",
          sender: "bounce@example.com",
          fromDomain: "example.com",
          messageId: `${id}@example.com`,
          size: content.length,
          eightBit: false,
          smtpUtf8: false,
          acceptedAt: clock.now(),
          ...envelope,
        },
        content,
        deliveries,
        charge: { tenant: "team-shop/shop", allowance: { credits: { type: "Unlimited" }, topUps: [] }, recipients: 1 },
      });
      deliverer.wake();
    },
    async told(count) {
      await expect.poll(() => events.length, { timeout: 5000, interval: 5 }).toBeGreaterThanOrEqual(count);
      expect(events.filter((event) => !validateEvent(event))).toEqual([]);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
      return events.map((event) => `${event.type}${"class" in event ? ` ${event.class}` : ""}`);
    },
  };
}

describe("a deliverer", () => {
  test("signs with every key, delivers, and forgets the message", async () => {
    const world = await start();
    await world.accept("m1");
    expect(await world.told(1)).toEqual(["delivered Delivered"]);
    const sent = world.sink.received[0]?.content.toString("latin1") ?? "";
    expect(sent.match(/^DKIM-Signature:/gm)).toHaveLength(2);
    expect(sent.endsWith(content.toString("latin1"))).toBe(true);
    expect(await world.store.queue.list(10)).toEqual([]);
    expect(world.events[0]).toMatchObject({ tls: { protocol: "TLSv1.3" }, hop: { port: world.sink.port }, attempt: 1 });
  });

  test("asks the DNS for the hop, and its receiver verifies both signatures", async () => {
    const zone = await startZoneServer({
      zones: [{ name: "example.net" }, { name: "example.com" }],
      records: [
        { name: "example.net", type: "MX", value: { preference: 10, exchange: "mx.example.net" } },
        { name: "mx.example.net", type: "A", value: "127.0.0.1" },
        ...[...keys.records].map(([name, value]) => ({ name, type: "TXT", value }) as const),
      ],
    });
    closers.push(() => zone.close());
    const servers = [{ address: "127.0.0.1", port: zone.port }];
    const resolver = dnsClient({ servers, timeout: 1000, clock: systemClock });
    const world = await start({ resolver }, {}, { resolver: zone.address });
    await world.accept("m1");
    expect(await world.told(1)).toEqual(["delivered Delivered"]);
    expect(world.sink.received[0]?.verdict?.dkim.map(({ result }) => result)).toEqual(["pass", "pass"]);
  });

  test("finds by itself what was due before it started", async () => {
    const world = await start();
    await world.deliverer.stop();
    await world.accept("m1");
    expect(world.sink.received).toHaveLength(0);
    const events: MailEvent[] = [];
    const second = startDeliverer({
      spool: world.store.spool,
      captures: world.store.captures,
      directory: () => world.directory,
      signer: createSigner({ keyRing: keys.keyRing, pause: () => Promise.resolve() }),
      resolver: loopbackResolver(),
      guard: addressGuard(["127.0.0.0/8"]),
      hostname: "relay.example",
      config: configWith({ port: world.sink.port }),
      clock: systemClock,
      random: () => 0.5,
      log: silent,
      events: (event) => void events.push(event),
    });
    closers.push(() => second.stop(0));
    await world.sink.waitFor((sink) => sink.received.length === 1);
  });

  test("tries again what was deferred, and only whom it was deferred for", async () => {
    const world = await start();
    let refused = false;
    world.sink.behave(({ stage, line }) => {
      if (stage !== "RCPT" || !line.includes("b@") || refused) return undefined;
      refused = true;
      return { reply: "451 4.7.1 Greylisted" };
    });
    const recipients = ["a@example.net", "b@example.net"].map((address) => ({ address }));
    await world.accept("m1", {}, [{ domain: "example.net", recipients }]);
    expect(await world.told(3)).toEqual(["delivered Delivered", "deferred Greylisted", "delivered Delivered"]);
    expect(world.sink.received.map((message) => message.recipients)).toEqual([["a@example.net"], ["b@example.net"]]);
    expect(world.events[2]).toMatchObject({ recipient: "b@example.net", attempt: 2 });
  });

  test("bounces what is refused, each domain on its own", async () => {
    const world = await start();
    world.sink.behave(({ stage, line }) =>
      stage === "RCPT" && line.includes("@bad.example") ? { reply: "550 5.1.1 Unknown" } : undefined,
    );
    await world.accept("m1", {}, [
      { domain: "good.example", recipients: [{ address: "a@good.example" }] },
      { domain: "bad.example", recipients: [{ address: "a@bad.example" }] },
    ]);
    expect((await world.told(2)).toSorted((a, b) => a.localeCompare(b))).toEqual([
      "bounced UnknownRecipient",
      "delivered Delivered",
    ]);
    expect(await world.store.queue.list(10)).toEqual([]);
  });

  test("does not connect where the guard says no", async () => {
    const world = await start({ guard: addressGuard([]) });
    await world.accept("m1");
    expect(await world.told(1)).toEqual(["bounced AddressRefused"]);
    expect(world.sink.connections).toBe(0);
  });

  test.each<[string, (world: World) => Directory, string]>([
    ["no key is Active", () => buildDirectory([tenantContract()], [domainContract({ keys: [] })]), "NoVisibleKey"],
    ["the domain is not held", () => buildDirectory([tenantContract()], []), "NoVisibleKey"],
    [
      "another tenant holds it",
      () => buildDirectory([tenantContract()], [domainContract({ tenant: "other" })]),
      "NoVisibleKey",
    ],
    [
      "another namespace holds it",
      () => buildDirectory([tenantContract()], [domainContract({ claim: { namespace: "team-x", name: "x" } })]),
      "NoVisibleKey",
    ],
    [
      "a key cannot be read",
      () =>
        buildDirectory(
          [tenantContract()],
          [domainContract({ keys: [{ selector: "t9", algorithm: "RSA2048", secretName: "gone" }] })],
        ),
      "NoVisibleKey",
    ],
    ["the tenant is gone", () => buildDirectory([], [domainContract()]), "TenantUnknown"],
  ])("waits without an attempt while %s, and expires in the end", async (_, directoryOf, reason) => {
    const world = await start({}, { maxAge: "1h" });
    world.directory = directoryOf(world);
    await world.accept("m1");
    expect(await world.told(1)).toEqual([`deferred ${reason}`]);
    expect(world.events[0]).toMatchObject({ attempt: 0 });
    expect(world.sink.connections).toBe(0);
    world.clock.offset = 3_600_001;
    world.deliverer.wake();
    expect((await world.told(2))[1]).toBe("expired Expired");
    expect(await world.store.queue.list(10)).toEqual([]);
  });

  test("delivers when the key comes back", async () => {
    const world = await start();
    world.directory = buildDirectory([tenantContract()], []);
    await world.accept("m1");
    await world.told(1);
    world.directory = buildDirectory([tenantContract()], [domainContract()]);
    await world.store.queue.retry(world.clock.now());
    world.deliverer.wake();
    expect((await world.told(2))[1]).toBe("delivered Delivered");
  });

  test("expires by age what was never tried", async () => {
    const world = await start({}, { maxAge: "1h" });
    await world.accept("m1", { acceptedAt: Date.now() - 3_600_000 });
    expect(await world.told(1)).toEqual(["expired Expired"]);
    expect(world.sink.connections).toBe(0);
  });

  test("keeps captured messages, signed by a key that is not Active yet", async () => {
    const world = await start();
    world.directory = buildDirectory(
      [{ ...tenantContract(), unproven: [{ domain: "example.com", keys: [keys.keys[0]] }] }],
      [],
    );
    await world.accept("m1", {}, [{ domain: "", recipients: [{ address: "a@example.net" }] }]);
    expect(await world.told(1)).toEqual(["captured"]);
    expect(world.sink.connections).toBe(0);
    const kept = Buffer.from((await world.store.captures.content("m1")) ?? "").toString("latin1");
    expect(kept.match(/^DKIM-Signature:/gm)).toHaveLength(1);
    expect(await world.store.queue.list(10)).toEqual([]);
  });

  test("signs what is sent below the fleet's shared domain as that domain", async () => {
    const world = await start();
    const shared = { domain: "shop.team-shop.example.com", signedBy: "example.com", namespace: "platform" };
    const holder = domainContract({ claim: { namespace: "platform", name: "mail" }, tenant: "platform" });
    world.directory = buildDirectory([{ ...tenantContract(), domains: "Shared", shared }], [holder]);
    await world.accept("m1", { fromDomain: shared.domain }, [
      { domain: "", recipients: [{ address: "a@example.net" }] },
    ]);
    expect(await world.told(1)).toEqual(["captured"]);
    const kept = Buffer.from((await world.store.captures.content("m1")) ?? "").toString("latin1");
    expect(kept.match(/\bd=example\.com;/g)).toHaveLength(2);
  });

  test("goes on after a delivery broke, which is deferred", async () => {
    const world = await start(
      { resolver: loopbackResolver(new Set(["broken.example"])) },
      { retry: { delays: ["1h"], jitter: 0 } },
    );
    await world.accept("m1", {}, [{ domain: "broken.example", recipients: [{ address: "a@broken.example" }] }]);
    await world.accept("m2");
    expect((await world.told(2)).toSorted((a, b) => a.localeCompare(b))).toEqual([
      "deferred InternalError",
      "delivered Delivered",
    ]);
    const [row] = await world.store.queue.list(10);
    expect(row).toMatchObject({ attempts: 1, lastReply: { text: "internal error: Error" } });
  });

  test("goes on after the events broke", async () => {
    const world = await start({
      events: () => {
        throw new Error("the log is full");
      },
    });
    await world.accept("m1");
    await world.accept("m2");
    await world.sink.waitFor((sink) => sink.received.length === 2);
    await expect.poll(async () => (await world.store.queue.list(10)).length).toBe(0);
  });

  test("goes on after the store failed, and writes in the end what it delivered", async () => {
    const failed = new Set<string>();
    const failingOnce = <T>(what: string, call: () => Promise<T>): Promise<T> => {
      if (failed.has(what)) return call();
      failed.add(what);
      return Promise.reject(new Error(`no disk for ${what}`));
    };
    const world = await start();
    await world.deliverer.stop();
    const { spool } = world.store;
    const events: MailEvent[] = [];
    const deliverer = startDeliverer({
      spool: {
        claim: (...args) => failingOnce("claim", () => spool.claim(...args)),
        content: (id) => spool.content(id),
        settle: (...args) => failingOnce("settle", () => spool.settle(...args)),
        nextDue: () => spool.nextDue(),
      },
      captures: world.store.captures,
      directory: () => world.directory,
      signer: createSigner({ keyRing: keys.keyRing, pause: () => Promise.resolve() }),
      resolver: loopbackResolver(),
      guard: addressGuard(["127.0.0.0/8"]),
      hostname: "relay.example",
      config: configWith({ port: world.sink.port }),
      clock: systemClock,
      random: () => 0.5,
      log: silent,
      events: (event) => void events.push(event),
    });
    closers.push(() => deliverer.stop(0));
    await world.accept("m1");
    await expect.poll(() => events.map(({ type }) => type), { timeout: 5000 }).toEqual(["delivered"]);
    expect([...failed]).toEqual(["claim", "settle"]);
    expect(world.sink.received).toHaveLength(1);
  });

  test("says nothing of a delivery whose lease it lost", async () => {
    const world = await start({}, { attemptTimeout: "5s" });
    world.sink.behave(async ({ stage }) => {
      if (stage !== "RCPT") return undefined;
      world.sink.behave(undefined);
      // While the hop thinks, the lease lapses and somebody else claims the delivery.
      await world.store.spool.claim(world.clock.now() + 3_600_000, 10, 1000);
      return undefined;
    });
    await world.accept("m1");
    await world.sink.waitFor((sink) => sink.received.length === 1);
    await expect.poll(() => world.deliverer.running).toBe(0);
    expect(world.events).toEqual([]);
    expect(await world.store.queue.list(10)).toHaveLength(1);
  });

  test("lets a server that keeps many messages waiting hold up nobody else's for long", async () => {
    const world = await start({ resolver: splitResolver }, { concurrency: 10, connectionsPerHop: 2 });
    const tarpit = await startTarpit(world.sink.port);
    closers.push(tarpit);
    const dead = { domain: "dead.example", recipients: [{ address: "a@dead.example" }] };
    for (let i = 0; i < 60; i++) await world.accept(`d${i}`, {}, [dead]);
    await expect.poll(() => world.deliverer.running).toBe(10);
    await world.accept("live");
    expect(await world.told(1)).toEqual(["delivered Delivered"]);
    expect(await world.store.queue.list(100)).toHaveLength(60);
  });

  test("has no more under way than it may", async () => {
    const world = await start({}, { concurrency: 2, connectionsPerHop: 10 });
    let most = 0;
    world.sink.behave(() => {
      most = Math.max(most, world.deliverer.running);
      return undefined;
    });
    const deliveries = Array.from({ length: 8 }, (_, i) => ({
      domain: `d${i}.example`,
      recipients: [{ address: `a@d${i}.example` }],
    }));
    await world.accept("m1", {}, deliveries);
    await world.told(8);
    expect(most).toBeLessThanOrEqual(2);
    expect(world.sink.received).toHaveLength(8);
  });

  test("finishes what is under way when it is stopped, and claims no more", async () => {
    const world = await start();
    const gate = Promise.withResolvers<undefined>();
    world.sink.behave(({ stage }) => (stage === "MESSAGE" ? gate.promise : undefined));
    await world.accept("m1");
    await expect.poll(() => world.deliverer.running).toBe(1);
    const stopped = world.deliverer.stop();
    await world.accept("m2");
    gate.resolve(undefined);
    await stopped;
    expect(world.events.map(({ type }) => type)).toEqual(["delivered"]);
    expect(await world.store.queue.list(10)).toMatchObject([{ key: expect.stringContaining("m2"), leased: false }]);
  });

  test("breaks off what does not finish in time, and writes that it is deferred", async () => {
    const world = await start();
    const stuck = Promise.withResolvers<undefined>();
    world.sink.behave(({ stage }) => (stage === "RCPT" ? stuck.promise : undefined));
    await world.accept("m1");
    await world.sink.waitFor((sink) => sink.connections === 1);
    await world.deliverer.stop(10);
    expect(world.events.map(({ type }) => type)).toEqual(["deferred"]);
    expect(await world.store.queue.list(10)).toMatchObject([{ leased: false, attempts: 1 }]);
    stuck.resolve(undefined);
  });
});
