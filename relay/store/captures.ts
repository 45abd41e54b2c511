import type { Envelope, SpooledRecipient } from "./spool.ts";

/** A message of a Capture environment: kept as it would have been sent, never delivered. */
export interface Capture {
  readonly envelope: Envelope;
  readonly recipients: readonly SpooledRecipient[];
  readonly capturedAt: number;
}

/** How long captures are kept. */
export interface CaptureLimits {
  /** Milliseconds. */
  readonly retention: number;
  /** For each environment; the oldest go first. */
  readonly maxMessages: number;
  /** Octets of content, for each environment; the oldest go first, and the newest stays whatever its size. */
  readonly maxOctets: number;
}

/** Messages kept by Capture environments. */
export interface Captures {
  /**
   * Keeps a message, signatures on top, and in the same step removes the oldest others of its environment that are over
   * `maxOctets`. Durable on return; the same envelope id again changes nothing.
   */
  keep(capture: Capture, content: Uint8Array, maxOctets: number): Promise<void>;
  /** Newest first; of one environment when `tenant` and `environment` are given. */
  list(limit: number, of?: { readonly tenant: string; readonly environment: string }): Promise<readonly Capture[]>;
  /** The signed message, or undefined. */
  content(id: string): Promise<Uint8Array | undefined>;
  /** Removes what is older than the retention or over a maximum. Returns how many went. */
  prune(now: number, limits: CaptureLimits): Promise<number>;
}
