import type { Reply } from "./reply.ts";
import * as replies from "./replies.ts";

/** Counts the connections of a listener. */
export interface ConnectionCounter {
  /** Counts one more connection from an address, or refuses it with a reply and counts nothing. */
  admit(address: string): Reply | undefined;
  /** Takes one back that was admitted. */
  release(address: string): void;
  readonly total: () => number;
}

/** A counter that admits so many connections, and so many of one address. */
export function countConnections(limits: {
  readonly connections: number;
  readonly connectionsPerAddress: number;
}): ConnectionCounter {
  const perAddress = new Map<string, number>();
  let total = 0;
  return {
    admit(address) {
      const open = perAddress.get(address) ?? 0;
      if (total >= limits.connections) return replies.tooManyConnections;
      if (open >= limits.connectionsPerAddress) return replies.tooManyConnectionsFromAddress;
      perAddress.set(address, open + 1);
      total++;
      return undefined;
    },
    release(address) {
      const open = perAddress.get(address) ?? 0;
      if (open === 0) return;
      if (open === 1) perAddress.delete(address);
      else perAddress.set(address, open - 1);
      total--;
    },
    total: () => total,
  };
}

/** A number of octets that many messages share. */
export interface OctetBudget {
  /** Takes octets, or returns false and takes none. */
  take(octets: number): boolean;
  give(octets: number): void;
  readonly taken: () => number;
}

export function octetBudget(limit: number): OctetBudget {
  let taken = 0;
  return {
    take(octets) {
      if (taken + octets > limit) return false;
      taken += octets;
      return true;
    },
    give(octets) {
      taken = Math.max(0, taken - octets);
    },
    taken: () => taken,
  };
}

/** What a session has used up. */
export interface Tally {
  readonly failedAuthentications: number;
  readonly messages: number;
  /** Commands since the last message, or since the beginning; those of a transaction do not count. */
  readonly idleCommands: number;
  readonly unknownCommands: number;
  /** Refusals by rate since a message was last accepted, or since the beginning. */
  readonly rateRefusals: number;
}

export const emptyTally: Tally = {
  failedAuthentications: 0,
  messages: 0,
  idleCommands: 0,
  unknownCommands: 0,
  rateRefusals: 0,
};

/** Unknown commands before a connection is closed: a client that speaks another protocol. */
const mostUnknownCommands = 10;

/** The reply that ends a session which has used up something, before it may go on; undefined while it has not. */
export function refuseTally(
  tally: Tally,
  limits: {
    readonly failedAuthentications: number;
    readonly messagesPerConnection: number;
    readonly idleCommands: number;
  },
): Reply | undefined {
  if (tally.failedAuthentications >= limits.failedAuthentications) return replies.tooManyFailedAuthentications;
  if (tally.messages >= limits.messagesPerConnection) return replies.tooManyMessages;
  if (tally.idleCommands > limits.idleCommands) return replies.tooManyCommands;
  if (tally.unknownCommands >= mostUnknownCommands) return replies.tooManyErrors;
  return undefined;
}
