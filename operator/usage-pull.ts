import type { TenantUsage, UsageSource } from "../contract/usage.ts";
import type { Clock } from "../runtime/clock.ts";
import { startRounds } from "../runtime/rounds.ts";
import type { ObservedUsage } from "./relay-tenant/observed.ts";

export interface UsagePullOptions {
  readonly source: UsageSource;
  readonly clock: Clock;
  /** Milliseconds between two pulls. */
  readonly interval: number;
  /** The tenants (`namespace/name`) to ask for. */
  readonly tenants: () => readonly string[];
  /** Called with the tenants of which something else is known now. */
  readonly onChange: (tenants: readonly string[]) => void;
  /** Called when nobody could be asked, once until somebody answers again. */
  readonly onUnavailable: (error: unknown) => void;
  /** Called when somebody answers after that. */
  readonly onAvailable: () => void;
}

/** What tenants have used, pulled now and then: statuses tell it in steps, so nobody needs every message. */
export interface UsagePull {
  /** What the last pull said; asks at once for a tenant that no pull has asked for yet. Undefined when stopped meanwhile. */
  readonly of: (tenant: string) => Promise<ObservedUsage | undefined>;
  /** Pulls now. */
  readonly pull: () => Promise<void>;
  /** Asks nobody any more, and waits for no answer. */
  readonly stop: () => void;
}

/** Starts pulling after the first interval. */
export function createUsagePull(options: UsagePullOptions): UsagePull {
  const { clock, interval } = options;
  const known = new Map<string, ObservedUsage>();
  const stopping = new AbortController();
  const rowsOf = createSource(options, stopping.signal);

  const ask = async (tenants: readonly string[]): Promise<readonly string[]> => {
    const rows = await rowsOf(tenants);
    if (stopping.signal.aborted) return [];
    return tenants.filter((tenant) => {
      const next = observedUsage(rows, tenant);
      const before = known.get(tenant);
      known.set(tenant, next);
      return before !== undefined && JSON.stringify(before) !== JSON.stringify(next);
    });
  };
  const pull = async (): Promise<void> => {
    const tenants = options.tenants();
    const asked = new Set(tenants);
    for (const tenant of known.keys()) if (!asked.has(tenant)) known.delete(tenant);
    if (tenants.length > 0) options.onChange(await ask(tenants));
  };
  const end = startRounds({ clock, interval, delay: interval, round: pull });

  return {
    async of(tenant) {
      if (!known.has(tenant)) await ask([tenant]);
      return known.get(tenant) ?? (stopping.signal.aborted ? undefined : { kind: "Unavailable" });
    },
    pull,
    stop() {
      stopping.abort(new Error("stopped"));
      void end();
    },
  };
}

type Rows = ReadonlyMap<string, TenantUsage> | undefined;

/** Asks the source, and tells when it begins to fail and when it works again. */
function createSource({ source, onUnavailable, onAvailable }: UsagePullOptions, stopping: AbortSignal) {
  let isAvailable = true;
  return async (tenants: readonly string[]): Promise<Rows> => {
    try {
      const rows = await source.usage(tenants, stopping);
      if (!isAvailable) onAvailable();
      isAvailable = true;
      return rows;
    } catch (error) {
      if (stopping.aborted) return undefined;
      if (isAvailable) onUnavailable(error);
      isAvailable = false;
      return undefined;
    }
  };
}

function observedUsage(rows: Rows, tenant: string): ObservedUsage {
  if (rows === undefined) return { kind: "Unavailable" };
  const { credits, keysUsed = {} } = rows.get(tenant) ?? {};
  return { kind: "Known", ...(credits && { usage: credits }), keysUsed };
}
