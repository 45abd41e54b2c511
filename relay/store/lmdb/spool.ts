import { balance, charge, type CreditLevel, creditLevel } from "../../../contract/credits.ts";
import { type AcceptResult, type Delivery, type NewMessage, type Settlement, type Spool, StoreFull } from "../spool.ts";
import type { Logger } from "../../../runtime/log.ts";
import { RecordDamaged } from "./checksum.ts";
import { advance } from "./clock-row.ts";
import { insert, lease, parseKey, remove, replace } from "./deliveries.ts";
import type { Environment } from "./environment.ts";
import { recent } from "./recent.ts";
import { count, rateSweep, weigh } from "./rates.ts";
import { countSpooled, spooledBy } from "./spooled.ts";
import type { DeliveryKey, Tables } from "./tables.ts";

/** How long an id is remembered after it was billed: much longer than any caller tries again. */
const remembered = 3_600_000;
/** Old ids that one transaction looks at. */
const stride = 500;
/** Tokens that are remembered after they have settled: who might ask again is of this process. */
const mostSettled = 10_000;

/** The spool on LMDB. A delivery with a damaged record is left out and named in the log; a check of the store finds it. */
export function lmdbSpool(environment: Environment, log: Logger): Spool {
  const sweepRates = rateSweep();
  const settled = recent(mostSettled);
  return {
    async accept(message) {
      const { envelope, content, charge: price } = message;
      const result = await environment.write((tables) => accept(tables, message), content.byteLength);
      if (result !== "NoRoom") return result;
      throw new StoreFull(
        `${envelope.tenant} may have ${price.spoolLimit} octets in the spool and has no room for more`,
      );
    },
    async claim(now, limit, duration) {
      if (!isDue(environment.tables(), now)) return [];
      return environment.write((tables) => {
        forget(tables, now);
        sweepRates(tables, now);
        const { claimed, damaged } = claim(tables, now, limit, now + duration);
        for (const id of damaged)
          log.error({ queueId: id }, "a record of the store is damaged: its message is left alone");
        return claimed;
      });
    },
    renew({ key, token }, until) {
      const parsed = parseKey(key);
      if (parsed === undefined) return Promise.resolve(false);
      return environment.write((tables) => renew(tables, parsed, token, until));
    },
    async content(messageId) {
      return environment.tables().contents.get(messageId);
    },
    async settle({ key, token }, settlement) {
      const parsed = parseKey(key);
      if (parsed === undefined) return false;
      const mark = `${key} ${token}`;
      if (settled.has(mark)) return true;
      const written = await environment.write((tables) => settle(tables, parsed, token, settlement));
      if (written) settled.add(mark);
      return written;
    },
    async nextDue() {
      const [first] = environment.tables().due.getKeys({ limit: 1 });
      return first?.[0];
    },
  };
}

/** A tenant's cap is no failure of the store: thrown inside the transaction it would cost everybody else in it a second one. */
function accept(tables: Tables, message: NewMessage): AcceptResult | "NoRoom" {
  const { envelope, deliveries } = message;
  if (deliveries.length === 0) throw new RangeError(`message ${envelope.id} has no deliveries`);
  if (tables.billed.get(envelope.id) !== undefined || tables.envelopes.doesExist(envelope.id)) return "Accepted";
  const result = bill(tables, message);
  if (typeof result === "object" || result === "Exhausted" || result === "NoRoom") return result;
  tables.billed.putSync(envelope.id, envelope.acceptedAt);
  tables.envelopes.putSync(envelope.id, envelope);
  tables.contents.putSync(envelope.id, message.content);
  countSpooled(tables, envelope, 1);
  deliveries.forEach(({ domain, recipients }, index) => {
    insert(tables, [envelope.id, index], { domain, recipients, attempts: 0, dueAt: envelope.acceptedAt, token: 0 });
  });
  return result;
}

/** Bills what a message costs and counts it against its rates; neither when something does not cover all of it. */
function bill(tables: Tables, { envelope, charge: price }: NewMessage): AcceptResult | "NoRoom" {
  const time = advance(tables, envelope.acceptedAt);
  const { spoolLimit = Number.POSITIVE_INFINITY, rates = [], rated = 0 } = price;
  if (spooledBy(tables, envelope.tenant) + envelope.size > spoolLimit) return "NoRoom";
  const weighed = weigh(tables, rated === 0 ? [] : rates, rated, envelope.acceptedAt);
  if ("kind" in weighed) return weighed;
  const before = tables.usage.get(price.tenant);
  const usage = price.recipients === 0 ? undefined : charge(price.allowance, before, price.recipients, time);
  if (usage === "Exhausted") return "Exhausted";
  count(tables, weighed);
  if (usage === undefined) return "Accepted";
  tables.usage.putSync(price.tenant, usage);
  return crossing([before, usage].map((row) => creditLevel(balance(price.allowance, row, time))));
}

function crossing([from, to]: readonly CreditLevel[]): AcceptResult {
  if (to === undefined || from === to) return "Accepted";
  return to === "Exhausted" ? "AcceptedLast" : "AcceptedLow";
}

function isDue(tables: Tables, now: number): boolean {
  const [first] = tables.due.getKeys({ limit: 1 });
  return first !== undefined && first[0] <= now;
}

/** What is damaged is taken out of the order of what is due, or it would be found first each time. */
function claim(
  tables: Tables,
  now: number,
  limit: number,
  leaseUntil: number,
): { readonly claimed: readonly Delivery[]; readonly damaged: readonly string[] } {
  const claimed: Delivery[] = [];
  const damaged: string[] = [];
  const order = Array.from(tables.due.getKeys({ end: [Math.floor(now) + 1, "", 0], limit }));
  for (const due of order) {
    const [, id, index] = due;
    try {
      const row = tables.deliveries.get([id, index]);
      if (row !== undefined) claimed.push(lease(tables, [id, index], row, leaseUntil));
    } catch (error) {
      if (!(error instanceof RecordDamaged)) throw error;
      tables.due.removeSync(due);
      damaged.push(id);
    }
  }
  return { claimed, damaged };
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
  if (row === undefined || row.token !== token || row.leaseUntil === undefined) return false;
  if (settlement.kind === "Done") {
    remove(tables, key, row);
    return true;
  }
  const { recipients, attempts, dueAt, lastReply } = settlement;
  const to = { domain: row.domain, recipients, attempts, dueAt, token, ...(lastReply && { lastReply }) };
  replace(tables, key, { from: row, to });
  return true;
}
