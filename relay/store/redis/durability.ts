import type { ServerFacts, ServerSettings } from "./facts.ts";

/** What the settings of a Redis must be, and what goes wrong otherwise. */
const wanted: readonly { readonly name: string; readonly value: string; readonly otherwise: string }[] = [
  { name: "appendonly", value: "yes", otherwise: "what it confirmed is gone when it ends" },
  { name: "appendfsync", value: "always", otherwise: "the last second is lost with the power" },
  { name: "no-appendfsync-on-rewrite", value: "no", otherwise: "nothing is flushed while the file is rewritten" },
  { name: "maxmemory-policy", value: "noeviction", otherwise: "queued mail is dropped when the memory is full" },
];

/** What a verdict looks at. */
export interface DurabilityInput {
  readonly facts: Pick<ServerFacts, "replicas" | "memory" | "role">;
  /** Undefined: CONFIG is forbidden. */
  readonly settings: ServerSettings | undefined;
  /** Replicas that each message waits for. */
  readonly replicas: number;
  /** The server is found by Sentinels, which may put another in its place. */
  readonly failsOver: boolean;
}

/** Why messages must not be accepted under `durability: Verified`, and what is merely worth knowing. Both empty: all is well. */
export interface DurabilityVerdict {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Holds the settings of a server against what is wanted. */
export function judgeDurability({ facts, settings, replicas, failsOver }: DurabilityInput): DurabilityVerdict {
  const risky =
    failsOver && replicas === 0
      ? ["behind Sentinels a failover loses what no replica has: set redis.replicas to 1 or more in the fleet file"]
      : [];
  const boundless =
    facts.memory.limit === 0
      ? ["maxmemory is not set, so that acceptance cannot stop before the memory of the machine is full"]
      : [];
  if (settings === undefined)
    return {
      problems: [
        "its settings cannot be read (CONFIG GET is forbidden): allow +config|get to its user, or vouch for them with durability: Declared",
        ...risky,
      ],
      warnings: boundless,
    };
  const wrong = wanted.filter(({ name, value }) => settings[name] !== value);
  const reasons = wrong.map(({ name, otherwise }) => `${name} is ${settings[name] ?? "unknown"}: ${otherwise}`);
  const lines = wrong.map(({ name, value }) => `${name} ${value}`);
  const advice = wrong.length === 0 ? [] : [`${reasons.join("; ")}. Put into its redis.conf:\n${lines.join("\n")}`];
  return { problems: [...advice, ...risky], warnings: boundless };
}
