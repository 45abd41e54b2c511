import type { Durability } from "../config.ts";
import { judgeDurability, type DurabilityVerdict } from "./durability.ts";
import type { ServerFacts, ServerSettings } from "./facts.ts";

/** What is known of a Redis, and when it was asked. */
export interface Seen {
  readonly at: number;
  readonly facts: ServerFacts;
  /** Undefined: CONFIG is forbidden. */
  readonly settings: ServerSettings | undefined;
}

/** What the fleet file wants of it. */
export interface Wanted {
  readonly durability: Durability;
  readonly replicas: number;
  readonly failsOver: boolean;
}

/** Of the memory that Redis may use, messages are accepted into so much; the rest is for outcomes, leases and copies. */
export const memoryShare = 0.8;

/** The verdict on the settings, whoever vouches for them. */
export function verdictOf({ facts, settings }: Seen, { replicas, failsOver }: Wanted): DurabilityVerdict {
  return judgeDurability({ facts, settings, replicas, failsOver });
}

/** Why no message may be accepted now; undefined when it may. */
export function refusesMail(seen: Seen, wanted: Wanted): string | undefined {
  const { problems } = verdictOf(seen, wanted);
  if (wanted.durability === "Verified" && problems.length > 0) return problems.join("; ");
  const { replicas, role } = seen.facts;
  if (role === "slave") return "it is a replica";
  if (replicas < wanted.replicas) return `${replicas} of ${wanted.replicas} replicas follow it`;
  return undefined;
}

/** Whether the memory is used beyond what messages may take. `coming`: octets that were sent since it was asked. */
export function isFull({ facts: { memory } }: Seen, coming: number): boolean {
  return memory.limit > 0 && memory.used + coming > memory.limit * memoryShare;
}
