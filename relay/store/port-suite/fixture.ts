import type { Allowance } from "../../../contract/credits.ts";
import type { RateLimit } from "../../../contract/rates.ts";
import type { Delivery, NewMessage, Spool } from "../spool.ts";
import type { Store } from "../store.ts";

/** What the suite needs of an engine: an empty place for one store, that can be opened again and again. */
export interface StoreFixture {
  /** The time that the store's own clock shows. */
  readonly clock: { at: number };
  open(): Promise<Store>;
  /** Removes everything. */
  remove(): Promise<void>;
}

/** 2026-11-22T12:00:00Z, a Sunday. */
export const noon = 1_795_348_800_000;
export const minute = 60_000;
export const day = 86_400_000;

export const unlimited: Allowance = { credits: { type: "Unlimited" }, topUps: [] };

export function daily(amount: number): Allowance {
  return { credits: { type: "Recurring", amount, reset: "Daily" }, topUps: [] };
}

export interface Draft {
  readonly at?: number;
  readonly tenant?: string;
  readonly environment?: string;
  readonly allowance?: Allowance;
  /** Recipient addresses; each domain becomes a delivery. */
  readonly to?: readonly string[];
  readonly content?: Uint8Array;
  /** Rate limits, counted in all recipients. */
  readonly rates?: readonly RateLimit[];
  readonly spoolLimit?: number;
}

/** A message as the session would hand it over. */
export function draft(id: string, of: Draft = {}): NewMessage {
  const { at = noon, tenant = "team-shop/shop", environment = "production", to = ["bob@example.net"] } = of;
  const content = of.content ?? Buffer.from(`Subject: ${id}\r\n\r\nbody of ${id}\r\n`);
  const domains = [...new Set(to.map((address) => address.slice(address.lastIndexOf("@") + 1)))];
  return {
    envelope: {
      id,
      tenant,
      environment,
      credential: "abcdefghijkl",
      sender: "shop@example.com",
      fromDomain: "example.com",
      messageId: `${id}@example.com`,
      size: content.byteLength,
      eightBit: false,
      smtpUtf8: false,
      acceptedAt: at,
    },
    content,
    deliveries: domains.map((domain) => ({
      domain,
      recipients: to.filter((address) => address.endsWith(`@${domain}`)).map((address) => ({ address })),
    })),
    charge: {
      tenant,
      allowance: of.allowance ?? unlimited,
      recipients: to.length,
      ...(of.rates && { rates: of.rates, rated: to.length }),
      ...(of.spoolLimit !== undefined && { spoolLimit: of.spoolLimit }),
    },
  };
}

/** Claims exactly one delivery. */
export async function claimOne(spool: Spool, now: number, lease = minute): Promise<Delivery> {
  const [delivery] = await spool.claim(now, 1, lease);
  if (delivery === undefined) throw new Error("nothing is due");
  return delivery;
}

/** Credits used in the current period of a tenant. */
export async function usedBy(store: Store, tenant = "team-shop/shop"): Promise<number> {
  return (await store.ledger.usage(tenant))?.used ?? 0;
}
