import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import Type from "typebox";
import { afterEach, expect } from "vitest";
import type { DomainContract } from "../../contract/domain-contract.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { addressGuard } from "../../net/address-guard.ts";
import type { Answer, RecordType, Resolver } from "../../net/resolver.ts";
import { systemClock, type Clock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { makeTestKeys } from "./dkim-keys.ts";
import { startMxSink, type MxSink, type MxSinkOptions } from "./mx-sink.ts";
import { DeliveryConfig } from "../../relay/attempt/config.ts";
import { buildDirectory, type Directory } from "../../relay/directory.ts";
import { MailEvent } from "../../relay/event/event.ts";
import { createSigner } from "../../relay/sign/signer.ts";
import { openStore } from "../../relay/store/lmdb/open-store.ts";
import type { Envelope, NewDelivery } from "../../relay/store/spool.ts";
import type { Store } from "../../relay/store/store.ts";
import { startDeliverer, type Deliverer, type DelivererOptions } from "../../relay/delivery/deliverer.ts";

export const silent = createLogger({ level: "silent", destination: { write: () => undefined } });
const validateConfig = new Ajv({ useDefaults: true, strict: true }).compile(Type.Object({ delivery: DeliveryConfig }));

const validateEvent = new Ajv({ strict: true }).compile(MailEvent);

export function configWith(some: Partial<DeliveryConfig>): DeliveryConfig {
  const fleet: { delivery: Partial<DeliveryConfig> } = { delivery: { ...some } };
  if (!validateConfig(fleet)) throw new Error(JSON.stringify(validateConfig.errors));
  return fleet.delivery as DeliveryConfig;
}

/** What ends with the test, last begun first. */
export const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

export const keys = makeTestKeys("example.com");

export function tenantContract(): TenantContract {
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

export function domainContract(some: Partial<DomainContract> = {}): DomainContract {
  const claim = { namespace: "team-shop", name: "example-com" };
  return { version: 1, domain: "example.com", claim, tenant: "shop", keys: [...keys.keys], provenAt: 0, ...some };
}

/** Answers that every domain's mail goes to 127.0.0.1; names in `failing` fail. */
export function loopbackResolver(failing: ReadonlySet<string> = new Set()): Resolver {
  return {
    resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
      if (failing.has(name)) return Promise.reject(new Error("the resolver broke"));
      if (type !== "A") return Promise.resolve({ kind: "NoData" });
      return Promise.resolve({ kind: "Records", values: ["127.0.0.1"], ttl: 1 } as unknown as Answer<T>);
    },
  };
}

/** Says that mail for dead.example goes to 127.0.0.2, all other to 127.0.0.1. */
export const splitResolver: Resolver = {
  resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
    if (type !== "A") return Promise.resolve({ kind: "NoData" });
    const values = [name === "dead.example" ? "127.0.0.2" : "127.0.0.1"];
    return Promise.resolve({ kind: "Records", values, ttl: 1 } as unknown as Answer<T>);
  },
};

/** A server at 127.0.0.2 that takes connections and says nothing. Resolves with what ends it. */
export async function startTarpit(port: number): Promise<() => void> {
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

/** A deliverer at work. */
export interface World {
  readonly store: Store;
  readonly sink: MxSink;
  readonly events: MailEvent[];
  readonly clock: Clock & { offset: number };
  /** What the deliverer was started with, for another one on the same store. */
  readonly options: DelivererOptions;
  readonly deliverer: Deliverer;
  directory: Directory;
  accept(id: string, some?: Partial<Envelope>, deliveries?: readonly NewDelivery[]): Promise<void>;
  /** Resolves when so many events were told. */
  told(count: number): Promise<readonly string[]>;
}

/** The content of every message. */
export const content = Buffer.from("From: a@example.com\r\nSubject: x\r\n\r\n.dots\r\n");

/** Starts a deliverer on a store and a sink of its own. */
export async function startWorld(
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
  const options: DelivererOptions = {
    spool: store.spool,
    captures: store.captures,
    captureOctets: 2 ** 20,
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
  };
  const deliverer = startDeliverer(options);
  closers.push(() => deliverer.stop(0));
  return {
    store,
    sink,
    events,
    clock,
    options,
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

type DelivererSpool = DelivererOptions["spool"];

/** A spool of which a deliverer gets nothing but what its first claim finds. */
export function claimsOnce(spool: DelivererSpool): Pick<DelivererSpool, "claim"> {
  let claims = 0;
  return { claim: (...args) => (claims++ === 0 ? spool.claim(...args) : Promise.resolve([])) };
}

/** Puts another deliverer, on a spool that does these things otherwise, in the place of the one that runs; a message waits for it. */
export async function takeOver(
  world: World,
  spool: Partial<DelivererSpool>,
  some: Partial<DelivererOptions> = {},
): Promise<Deliverer> {
  await world.deliverer.stop();
  await world.accept("m1");
  const deliverer = startDeliverer({ ...world.options, spool: { ...world.store.spool, ...spool }, ...some });
  closers.push(() => deliverer.stop(0));
  return deliverer;
}
