import { keyText, type ObjectKey } from "../cluster/object.ts";
import type { Cluster } from "../cluster/port.ts";
import { annotations, deletionsName } from "../contract/names.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import {
  heldBack,
  judgeOrphan,
  lookAgain,
  lookInterval,
  orphanGrace,
  type Missing,
  type OrphanVerdict,
} from "./orphans.ts";
import type { Plan } from "./plan.ts";
import type { OwnerKey } from "./relations.ts";

export interface OrphanWatchOptions {
  readonly cluster: Cluster;
  readonly contractNamespace: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between first missing and deleted; an hour when absent. */
  readonly grace?: number;
  /**
   * Whether the list of a kind in a namespace is complete and authorised now: what it lacks is gone, and what another
   * list lacks is unknown. Always so when absent: a folder keeps what it cannot read.
   */
  readonly isListed?: (kind: OwnerKey["kind"], namespace: string) => boolean;
}

/** How many custom resources are missing whose objects stand, by what becomes of them. */
export interface OrphanCounts {
  readonly waiting: number;
  readonly heldBack: number;
}

/** Remembers which custom resources are gone and for how long. In memory alone: a restart begins the hour again. */
export interface OrphanWatch {
  /** The plan for a custom resource that is gone, as far as it may be carried out now. */
  readonly gate: (key: OwnerKey, plan: Plan<never>) => Plan<never>;
  /** Takes in that a custom resource is there. */
  readonly seen: (key: OwnerKey) => void;
  /** The custom resources to look at again when an object has changed, which may be the one that confirms. */
  readonly concerned: (key: ObjectKey) => readonly OwnerKey[];
  readonly counts: () => OrphanCounts;
}

/** What is remembered; `token` is worked out anew only after a change. */
interface Memory {
  readonly missing: Map<string, Missing & { readonly key: OwnerKey }>;
  readonly confirmed: Set<string>;
  token: { readonly of: string; readonly value: string | undefined } | undefined;
}

/** Starts with nothing missing. */
export function createOrphanWatch(options: OrphanWatchOptions): OrphanWatch {
  const { clock, contractNamespace, grace = orphanGrace, isListed = () => true } = options;
  const memory: Memory = { missing: new Map(), confirmed: new Set(), token: undefined };
  const soon = lookInterval(grace);
  let told: string | undefined;

  const forget = (key: OwnerKey): void => {
    if (memory.missing.delete(keyText(key))) memory.token = undefined;
    memory.confirmed.delete(keyText(key));
  };
  const look = (key: OwnerKey, objects: readonly string[]): Missing => {
    const before = memory.missing.get(keyText(key));
    if (before?.objects.join() !== objects.join()) memory.token = undefined;
    const after = lookAgain(before, { kind: key.kind, objects }, grace, clock.now());
    memory.missing.set(keyText(key), { ...after, key });
    return after;
  };
  // Not before the second look: until then more may still be found missing.
  const tell = ({ age }: Missing, token: string): void => {
    if (told === token || age === 0) return;
    told = token;
    tellHeldBack(options, memory, token);
  };

  return {
    gate(key, plan) {
      const objects = plan.actions.flatMap((action) => (action.kind === "delete" ? [action.uid] : []));
      const isKnown = isListed(key.kind, key.namespace);
      if (plan.actions.length === 0 || !isKnown) {
        forget(key);
        return isKnown ? plan : { actions: [], notes: [], recheckAfter: soon };
      }
      const missing = look(key, objects);
      const verdict = judge(options, memory, keyText(key), grace);
      if (verdict.kind === "Delete") return plan;
      if (verdict.kind === "HoldBack") tell(missing, verdict.token);
      return { actions: [], notes: [], recheckAfter: verdict.kind === "Wait" ? Math.min(verdict.after, soon) : soon };
    },
    seen: forget,
    concerned: ({ kind, namespace, name }) =>
      kind === "ConfigMap" && namespace === contractNamespace && name === deletionsName
        ? [...memory.missing.values()].map(({ key }) => key)
        : [],
    counts() {
      const held = tokenOf(options, memory) === undefined ? 0 : memory.missing.size - memory.confirmed.size;
      return { waiting: memory.missing.size - held, heldBack: held };
    },
  };
}

function judge(options: OrphanWatchOptions, memory: Memory, text: string, grace: number): OrphanVerdict {
  const { cluster, contractNamespace, log } = options;
  const missing = memory.missing.get(text);
  if (missing === undefined) return { kind: "Wait", after: grace };
  const verdict = judgeOrphan(missing, memory.confirmed.has(text) ? undefined : tokenOf(options, memory), grace);
  if (verdict.kind !== "HoldBack") return verdict;
  const confirmation = cluster.get({ kind: "ConfigMap", namespace: contractNamespace, name: deletionsName });
  if (confirmation?.metadata.annotations?.[annotations.confirmDeletions] !== verdict.token) return verdict;
  for (const each of memory.missing.keys()) memory.confirmed.add(each);
  memory.token = undefined;
  log.warn(
    { reason: "MassDeletionConfirmed", confirmation: verdict.token },
    "what is missing was confirmed: it goes, each after its hour",
  );
  return judgeOrphan(missing, undefined, grace);
}

function tokenOf({ cluster }: OrphanWatchOptions, memory: Memory): string | undefined {
  const RelayTenant = cluster.list("RelayTenant").length;
  const SendingDomain = cluster.list("SendingDomain").length;
  const of = `${RelayTenant}/${SendingDomain}`;
  if (memory.token?.of !== of)
    memory.token = { of, value: heldBack({ present: { RelayTenant, SendingDomain }, ...memory }) };
  return memory.token.value;
}

function tellHeldBack({ log, contractNamespace }: OrphanWatchOptions, memory: Memory, token: string): void {
  const missing = [...memory.missing.keys()].filter((text) => !memory.confirmed.has(text)).toSorted();
  const message = `${missing.length} custom resources went at once, so nothing of theirs is deleted. Bring them back, or confirm: annotate the ConfigMap ${contractNamespace}/${deletionsName} with ${annotations.confirmDeletions}: "${token}".`;
  log.warn({ reason: "MassDeletionHeldBack", confirmation: token, missing: missing.slice(0, 20) }, message);
}
