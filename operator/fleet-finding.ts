import type { Answer, RecordType } from "../net/resolver.ts";

/** Look-ups of an evaluation: undefined for what was not asked yet. */
export type FleetLookUp = <T extends RecordType>(name: string, type: T) => Answer<T> | undefined;

/** One thing that must be so in DNS for the fleet's mail to be welcome. */
export interface FleetFinding {
  readonly subject: string;
  readonly verdict: "Valid" | "Wrong" | "Unknown";
  /** What was found, and what to do, in sentences. */
  readonly explanation: string;
}
