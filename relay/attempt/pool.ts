import type { Hop } from "../route/hop.ts";
import { hopSessions, type Acquired, type AcquireOptions, type HopSessions, type PoolParts } from "./hop-sessions.ts";
import type { Session } from "./session.ts";

/** Sessions kept open for the next message, for each hop, way of securing it and credentials. */
export interface Pool {
  /** A session, once one is free or may be opened; or why there is none. Never rejects. */
  acquire(hop: Hop, options?: AcquireOptions): Promise<Acquired>;
  /** Takes a session back; `usable` when the next message may follow at once. */
  release(session: Session, usable: boolean): void;
  /** Sessions that stand open. */
  readonly size: number;
  /** Closes idle sessions; those on loan are closed when they come back. */
  close(): void;
}

/** What tells sessions apart that must not be mixed up. */
function keyOf(hop: Hop): string {
  return [hop.host, hop.address, hop.port, hop.tls.start, hop.tls.verify, hop.login ?? ""].join(" ");
}

/** A pool without sessions. */
export function createPool(parts: PoolParts): Pool {
  const hops = new Map<string, HopSessions>();
  let closed = false;
  const sessionsOf = (hop: Hop): HopSessions => {
    const key = keyOf(hop);
    const known = hops.get(key) ?? hopSessions(hop, parts, () => hops.delete(key));
    hops.set(key, known);
    return known;
  };
  return {
    acquire: (hop, options = {}) => sessionsOf(hop).acquire(options),
    release: (session, usable) => {
      const sessions = sessionsOf(session.hop);
      sessions.release(session, usable);
      if (closed) sessions.closeIdle();
    },
    get size() {
      return [...hops.values()].reduce((sum, sessions) => sum + sessions.open, 0);
    },
    close() {
      closed = true;
      for (const sessions of hops.values()) sessions.closeIdle();
    },
  };
}
