import { charge, type Usage } from "../../contract/credits.ts";
import type { Ledger } from "../../relay/store/ledger.ts";
import type { AcceptResult, NewMessage } from "../../relay/store/spool.ts";

/** The two verbs of the spool that a session calls, and the ledger, in memory; what was accepted can be looked at. */
export interface MemorySpool extends Ledger {
  readonly accepted: readonly NewMessage[];
  accept(message: NewMessage): Promise<AcceptResult>;
  /** Called before each message is taken; what it throws is the failure of the store, while it waits so does the session. */
  before: () => void | Promise<void>;
}

export function memorySpool(): MemorySpool {
  const accepted: NewMessage[] = [];
  const rows = new Map<string, Usage>();
  return {
    accepted,
    before: () => undefined,
    async accept(message) {
      await this.before();
      const { tenant, allowance, recipients } = message.charge;
      const row = charge(allowance, rows.get(tenant), recipients, message.envelope.acceptedAt);
      if (row === "Exhausted") return row;
      rows.set(tenant, row);
      accepted.push(message);
      return "Accepted";
    },
    usage: async (tenant) => rows.get(tenant),
    time: async (now) => now,
  };
}
