import { describe, expect, test } from "vitest";
import { addressGuard } from "../../net/address-guard.ts";
import { dnsClient } from "../../net/dns-client.ts";
import { startZoneServer } from "../../test/harness/zone-server.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createSigner } from "../sign/signer.ts";
import { startDeliverer } from "./deliverer.ts";
import { buildDirectory, type Directory } from "../directory.ts";
import type { MailEvent } from "../event/event.ts";
import {
  silent,
  configWith,
  closers,
  keys,
  tenantContract,
  domainContract,
  loopbackResolver,
  splitResolver,
  startTarpit,
  type World,
  content,
  startWorld,
} from "../../test/harness/deliverer-world.ts";

describe("a deliverer", () => {
  test("signs with every key, delivers, and forgets the message", async () => {
    const world = await startWorld();
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
    const world = await startWorld({ resolver }, {}, { resolver: zone.address });
    await world.accept("m1");
    expect(await world.told(1)).toEqual(["delivered Delivered"]);
    expect(world.sink.received[0]?.verdict?.dkim.map(({ result }) => result)).toEqual(["pass", "pass"]);
  });

  test("finds by itself what was due before it started", async () => {
    const world = await startWorld();
    await world.deliverer.stop();
    await world.accept("m1");
    expect(world.sink.received).toHaveLength(0);
    const events: MailEvent[] = [];
    const second = startDeliverer({
      spool: world.store.spool,
      captures: world.store.captures,
      captureOctets: 2 ** 20,
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
    const world = await startWorld();
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
    const world = await startWorld();
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
    const world = await startWorld({ guard: addressGuard([]) });
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
    const world = await startWorld({}, { maxAge: "1h" });
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
    const world = await startWorld();
    world.directory = buildDirectory([tenantContract()], []);
    await world.accept("m1");
    await world.told(1);
    world.directory = buildDirectory([tenantContract()], [domainContract()]);
    await world.store.queue.retry(world.clock.now());
    world.deliverer.wake();
    expect((await world.told(2))[1]).toBe("delivered Delivered");
  });

  test("expires by age what was never tried", async () => {
    const world = await startWorld({}, { maxAge: "1h" });
    await world.accept("m1", { acceptedAt: Date.now() - 3_600_000 });
    expect(await world.told(1)).toEqual(["expired Expired"]);
    expect(world.sink.connections).toBe(0);
  });

  test("keeps captured messages, signed by a key that is not Active yet", async () => {
    const world = await startWorld();
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
    const world = await startWorld();
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
    const world = await startWorld(
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
    const world = await startWorld({
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
    const world = await startWorld();
    await world.deliverer.stop();
    const { spool } = world.store;
    const events: MailEvent[] = [];
    const deliverer = startDeliverer({
      spool: {
        claim: (...args) => failingOnce("claim", () => spool.claim(...args)),
        renew: (...args) => spool.renew(...args),
        content: (id) => spool.content(id),
        settle: (...args) => failingOnce("settle", () => spool.settle(...args)),
        nextDue: () => spool.nextDue(),
      },
      captures: world.store.captures,
      captureOctets: 2 ** 20,
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

  test("lets a server that keeps many messages waiting hold up nobody else's for long", async () => {
    const world = await startWorld({ resolver: splitResolver }, { concurrency: 10, connectionsPerHop: 2 });
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
    const world = await startWorld({}, { concurrency: 2, connectionsPerHop: 10 });
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

  test("has no more octets of content under way than it may", async () => {
    const world = await startWorld({}, { bufferedBytes: 2 * content.length });
    let [now, most] = [0, 0];
    world.sink.behave(({ stage }) => {
      if (stage === "MAIL") most = Math.max(most, (now += 1));
      if (stage === "MESSAGE") now -= 1;
      return undefined;
    });
    const size = content.length;
    for (let i = 0; i < 8; i++) await world.accept(`m${i}`, { size });
    await world.told(8);
    expect(most).toBe(2);
    expect(world.sink.received).toHaveLength(8);
  });

  test("finishes what is under way when it is stopped, and claims no more", async () => {
    const world = await startWorld();
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
    const world = await startWorld();
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
