/** The audit log of an API server of tests. */
import { createReadStream } from "node:fs";

/** A request of the API server's audit log, level Metadata. */
export interface AuditEvent {
  /** The same for all that is told of one request. */
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly reason?: string };
  readonly requestReceivedTimestamp: string;
}

/**
 * Follows an audit log: each call resolves to its finished requests so far, in their order, and reads only what was written
 * since the last one. A line that is still being written is left out.
 */
export function auditReader(file: string): () => Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  let offset = 0;
  const read = async (): Promise<AuditEvent[]> => {
    const fresh = await octetsFrom(file, offset);
    const whole = fresh.subarray(0, fresh.lastIndexOf("\n") + 1);
    offset += whole.length;
    for (const line of whole.toString().split("\n")) if (line !== "") events.push(JSON.parse(line) as AuditEvent);
    return [...events];
  };
  // One after the other: two that read the same would tell it twice.
  let last: Promise<AuditEvent[]> = Promise.resolve([]);
  return () => (last = last.then(read));
}

async function octetsFrom(file: string, start: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(file, { start })) chunks.push(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return Buffer.concat(chunks);
}
