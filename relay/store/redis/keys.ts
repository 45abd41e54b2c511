/**
 * Where things lie in Redis. Every key begins with one prefix, `posthouse:` unless the address says otherwise, and every
 * script gets that prefix as its one key: the store lives on one primary, never on a cluster.
 *
 * ```
 *  accept                       claim, renew, settle                list, retry
 *    |                                |                                |
 *    |  body:<id>      string         due         sorted set           deliveries  sorted set
 *    |  the content                   member -> when it can be         all members, in the order
 *    |                                claimed: dueAt, or the end       of acceptance
 *    |  message:<id>   hash           of its lease
 *    |    envelope  JSON                  |                                |
 *    |    left      deliveries open       +------- <id>/000000 ------------+
 *    |    tenant, size                               |
 *    |    000000    domain, line end, JSON  <--------+   one delivery is four fields
 *    |    000000t   fencing token; none before the first claim
 *    |    000000d   dueAt while it is leased; none while it is free
 *    |
 *    |  settled:<part>       set of `<id>/<index> <token>`, the tokens that have settled
 *    |  settled              hash, the parts: now, before
 *    |  billed:<half hour>   set of ids        clock                  string, the highest time told
 *    |  usage:<tenant>       hash              spooled                hash, octets by tenant
 *    |    period, used, +<top-up>              rate:<limit>           hash: tat, day, count
 *    |                                         key-uses:<tenant>      hash, step by id of the API key
 *
 *  captured:<id>   string, signed content      captures               sorted set, ids in order
 *  capture:<id>    string, JSON                captures:<environment> sorted set, id -> capturedAt
 *  environments    set of `<tenant>/<environment>` that have captures            format  string
 *  capture-octets  hash, octets of their contents by environment
 *  closed, arrived  JSON, what a move left: with `closed` nothing is accepted and nothing claimed
 * ```
 *
 * A content is sent ahead with an expiry and loses it when the message is accepted: what a relay that dies in between
 * leaves behind goes by itself.
 */
export interface Keys {
  readonly prefix: string;
  readonly clock: string;
  readonly format: string;
  readonly due: string;
  readonly captures: string;
  readonly environments: string;
  body(id: string): string;
  usage(tenant: string): string;
  keyUses(tenant: string): string;
  rate(limit: string): string;
  capture(id: string): string;
  captured(id: string): string;
}

export function keysUnder(prefix: string): Keys {
  return {
    prefix,
    clock: `${prefix}clock`,
    format: `${prefix}format`,
    due: `${prefix}due`,
    captures: `${prefix}captures`,
    environments: `${prefix}environments`,
    body: (id) => `${prefix}body:${id}`,
    usage: (tenant) => `${prefix}usage:${tenant}`,
    keyUses: (tenant) => `${prefix}key-uses:${tenant}`,
    rate: (limit) => `${prefix}rate:${limit}`,
    capture: (id) => `${prefix}capture:${id}`,
    captured: (id) => `${prefix}captured:${id}`,
  };
}

/** What is written to Redis; raised when older code could not read it any more. */
export const formatVersion = "1";

/** Digits of a delivery's index: members sort as text. */
const digits = 6;
/** Deliveries that one message may have. */
export const mostDeliveries = 10 ** digits;

/** The member of `due` and `deliveries` for a delivery's key, or undefined for what is no such key. */
export function memberOf(key: string): string | undefined {
  const [, id, index] = /^(.+)\/([0-9]{1,6})$/s.exec(key) ?? [];
  return id === undefined || index === undefined ? undefined : `${id}/${index.padStart(digits, "0")}`;
}

/** The key and the message id of a delivery whose member this is. */
export function readMember(member: string): { readonly key: string; readonly id: string } {
  const end = member.length - digits;
  const id = member.slice(0, end - 1);
  return { key: `${id}/${Number(member.slice(end))}`, id };
}
