import type { Allowance } from "../../../contract/credits.ts";
import type { RateLimit } from "../../../contract/rates.ts";
import type { Delivery, NewMessage, Settlement } from "../spool.ts";
import type { Store } from "../store.ts";
import type { Course, Step } from "./course.ts";
import { draft, minute } from "./fixture.ts";

const domains = ["example.net", "example.org", "example.com"];
const people = ["ann", "bob", "cat"];

/** Where a course has come. */
export interface World {
  /** In every name, so that courses do not meet. */
  readonly of: string;
  now: number;
  readonly allowances: Course["allowances"];
  /** With the earliest time that each came at. */
  readonly sent: { readonly id: string; at: number }[];
  /** By key and token: every engine hands out the same ones. */
  readonly claimed: Map<string, Delivery>;
}

type StepOf<K extends Step["kind"]> = Extract<Step, { kind: K }>;

const taken: { readonly [K in Step["kind"]]: (store: Store, one: StepOf<K>, world: World) => Promise<unknown> } = {
  accept: (store, one, world) => store.spool.accept(messageOf(one, world)),
  async claim(store, one, world) {
    const claimed = await store.spool.claim(world.now, one.limit, one.lease);
    for (const delivery of claimed) world.claimed.set(`${delivery.key} ${delivery.token}`, delivery);
    return claimed;
  },
  renew: (store, one, world) => store.spool.renew(held(one.claimed, world), world.now + one.until),
  settle: (store, one, world) => store.spool.settle(held(one.claimed, world), settlementOf(one.again, world)),
  retry: (store, one, world) => store.queue.retry(world.now, one.id === undefined ? undefined : idOf(one.id, world)),
  admits: (store, one, world) => store.ledger.admits(keyed(one.rates, world), world.now),
  time: (store, one, world) => store.ledger.time(world.now - one.behind),
  async noteKeyUse(store, one, world) {
    await store.ledger.noteKeyUse(`k/${world.of}`, `key${one.key}`, world.now - one.behind);
    return store.ledger.keysUsed(`k/${world.of}`);
  },
  async keep(store, one, world) {
    const { envelope } = draft(`${world.of}-k${one.id}`, { at: world.now, environment: `e${one.environment}` });
    await store.captures.keep({ envelope, recipients: [], capturedAt: world.now }, Buffer.alloc(one.size, "k"), 60);
    return store.captures.list(3, envelope);
  },
  prune: (store, one, world) =>
    store.captures.prune(world.now, { retention: one.retention, maxMessages: one.most, maxOctets: one.octets }),
  pass: (store) => Promise.all([store.spool.nextDue(), store.queue.list(4)]),
};

/** Takes a step and tells what the store answered. */
export function takeStep<K extends Step["kind"]>(
  store: Store,
  one: StepOf<K> & { readonly kind: K },
  world: World,
): Promise<unknown> {
  return taken[one.kind](store, one, world);
}

/** What came of a step that all engines answered alike. */
export function note(one: Step, world: World): void {
  if (one.kind === "pass") world.now += one.time;
  if (one.kind !== "accept") return;
  const [id, at] = [idFor(one, world), world.now - one.behind];
  const before = world.sent.find((other) => other.id === id);
  if (before === undefined) world.sent.push({ id, at });
  else before.at = Math.min(before.at, at);
}

function idOf(index: number, { of }: World): string {
  return `${of}-${String(index).padStart(4, "0")}`;
}

/** An id comes again only while every engine still knows it. */
function idFor({ again }: StepOf<"accept">, world: World): string {
  const before = again === undefined ? undefined : world.sent.at(-1 - again);
  return before !== undefined && before.at > world.now - 50 * minute ? before.id : idOf(world.sent.length, world);
}

function messageOf(one: StepOf<"accept">, world: World): NewMessage {
  const to = domains
    .slice(0, one.domains)
    .flatMap((domain) => people.slice(0, one.each).map((who) => `${who}@${domain}`));
  const message = draft(idFor(one, world), {
    at: world.now - one.behind,
    tenant: `${one.tenant}-${world.of}`,
    content: Buffer.alloc(one.size, "x"),
    to,
    allowance: allowanceOf(one, world),
  });
  const price = {
    ...message.charge,
    recipients: one.free ? 0 : to.length,
    rates: keyed(one.rates, world),
    rated: one.rated,
  };
  const { spoolLimit } = one;
  return { ...message, charge: spoolLimit === undefined ? price : { ...price, spoolLimit } };
}

/** The expiries of a course count from now. */
function allowanceOf(one: StepOf<"accept">, { allowances, now }: World): Allowance {
  const { credits, topUps } = allowances[one.allowance === 0 ? 0 : 1];
  const open = topUps.map(({ name, amount, expiresAt }) =>
    expiresAt === undefined ? { name, amount } : { name, amount, expiresAt: now + expiresAt },
  );
  return { credits, topUps: open };
}

function keyed(rates: readonly RateLimit[], { of }: World): readonly RateLimit[] {
  return rates.map((rate) => Object.assign({}, rate, { key: `${rate.key}/${of}` }));
}

function held(index: number, { claimed, of }: World): Pick<Delivery, "key" | "token"> {
  return [...claimed.values()].at(-1 - index) ?? { key: `${of}-none/0`, token: 1 };
}

function settlementOf(again: number | undefined, { now }: World): Settlement {
  if (again === undefined) return { kind: "Done" };
  const lastReply = { at: now, hop: "mx.example.net", text: "451 4.3.0 später" };
  return {
    kind: "Again",
    recipients: [{ address: "ann@example.net" }],
    attempts: again,
    dueAt: now + again,
    lastReply,
  };
}
