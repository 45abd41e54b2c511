import { balance, charge, creditLevel } from "../../../contract/credits.ts";
import type { AcceptResult, Delivery, NewMessage, Settlement, Spool } from "../spool.ts";
import { advance } from "./clock-row.ts";
import { insert, lease, parseKey, remove, replace } from "./deliveries.ts";
import type { Environment } from "./environment.ts";
import type { DeliveryKey, Tables } from "./tables.ts";

/** How long an id is remembered after it was billed: much longer than any caller tries again. */
const remembered = 3_600_000;
/** Old ids that one transaction looks at. */
const stride = 500;

/** The spool on LMDB. */
export function lmdbSpool(environment: Environment): Spool {
  return {
    accept(message) {
      return environment.write((tables) => accept(tables, message), message.content.byteLength);
    },
    async claim(now, limit, duration) {
      if (!isDue(environment.tables(), now)) return [];
      return environment.write((tables) => claim(tables, now, limit, now + duration));
    },
    renew({ key, token }, until) {
      const parsed = parseKey(key);
      if (parsed === undefined) return Promise.resolve(false);
      return environment.write((tables) => renew(tables, parsed, token, until));
    },
    async content(messageId) {
      return environment.tables().contents.getBinary(messageId);
    },
    settle({ key, token }, settlement) {
      const parsed = parseKey(key);
      if (parsed === undefined) return Promise.resolve(false);
      return environment.write((tables) => settle(tables, parsed, token, settlement));
    },
    async nextDue() {
      const [first] = environment.tables().due.getKeys({ limit: 1 });
      return first?.[0];
    },
  };
}

function accept(tables: Tables, message: NewMessage): AcceptResult {
  const { envelope, deliveries } = message;
  if (deliveries.length === 0) throw new RangeError(`message ${envelope.id} has no deliveries`);
  if (tables.billed.get(envelope.id) !== undefined) return "Accepted";
  const result = bill(tables, message);
  if (result === "Exhausted") return result;
  tables.billed.putSync(envelope.id, envelope.acceptedAt);
  tables.envelopes.putSync(envelope.id, envelope);
  tables.contents.putSync(envelope.id, message.content);
  deliveries.forEach(({ domain, recipients }, index) => {
    insert(tables, [envelope.id, index], { domain, recipients, attempts: 0, dueAt: envelope.acceptedAt, token: 0 });
  });
  return result;
}

/** Bills what a message costs; nothing when the credits do not cover it. A message without a price needs no row. */
function bill(tables: Tables, { envelope, charge: price }: NewMessage): AcceptResult {
  const time = advance(tables, envelope.acceptedAt);
  if (price.recipients === 0) return "Accepted";
  const before = tables.usage.get(price.tenant);
  const usage = charge(price.allowance, before, price.recipients, time);
  if (usage === "Exhausted") return "Exhausted";
  tables.usage.putSync(price.tenant, usage);
  const [from, to] = [before, usage].map((row) => creditLevel(balance(price.allowance, row, time)));
  if (to === undefined || from === to) return "Accepted";
  return to === "Exhausted" ? "AcceptedLast" : "AcceptedLow";
}

function isDue(tables: Tables, now: number): boolean {
  const [first] = tables.due.getKeys({ limit: 1 });
  return first !== undefined && first[0] <= now;
}

function claim(tables: Tables, now: number, limit: number, leaseUntil: number): readonly Delivery[] {
  forget(tables, now);
  const due = [...tables.due.getKeys({ end: [Math.floor(now) + 1, "", 0], limit })];
  return due.flatMap(([, id, index]) => {
    const row = tables.deliveries.get([id, index]);
    return row === undefined ? [] : [lease(tables, [id, index], row, leaseUntil)];
  });
}

/** Ids sort by time of acceptance: the oldest stand first. */
function forget(tables: Tables, now: number): void {
  const oldest = [...tables.billed.getRange({ limit: stride })];
  for (const { key, value } of oldest) {
    if (value > now - remembered) return;
    tables.billed.removeSync(key);
  }
}

function renew(tables: Tables, key: DeliveryKey, token: number, leaseUntil: number): boolean {
  const row = tables.deliveries.get(key);
  if (row?.token !== token || row.leaseUntil === undefined) return false;
  replace(tables, key, { from: row, to: { ...row, leaseUntil } });
  return true;
}

function settle(tables: Tables, key: DeliveryKey, token: number, settlement: Settlement): boolean {
  const row = tables.deliveries.get(key);
  if (row === undefined || row.token !== token) return false;
  if (settlement.kind === "Done") {
    remove(tables, key, row);
    return true;
  }
  const { recipients, attempts, dueAt, lastReply } = settlement;
  const to = { domain: row.domain, recipients, attempts, dueAt, token, ...(lastReply && { lastReply }) };
  replace(tables, key, { from: row, to });
  return true;
}
