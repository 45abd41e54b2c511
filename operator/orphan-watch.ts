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
import { warn, type Note, type Plan } from "./plan.ts";
import type { OwnerKey } from "./relations.ts";
import type { NoteSink } from "./tell.ts";

export interface OrphanWatchOptions {
  readonly cluster: Cluster;
  readonly contractNamespace: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of mass deletions, beside the log. */
  readonly onNote?: NoteSink;
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

/** What is remembered; `held`, the tokens of what is held back, is worked out anew only after a change. */
interface Memory {
  readonly missing: Map<string, Missing & { readonly key: OwnerKey }>;
  readonly confirmed: Set<string>;
  held: { readonly of: string; readonly tokens: ReadonlyMap<string, string> } | undefined;
}

/** Starts with nothing missing. */
export function createOrphanWatch(options: OrphanWatchOptions): OrphanWatch {
  const { clock, contractNamespace, grace = orphanGrace, isListed = () => true } = options;
  const memory: Memory = { missing: new Map(), confirmed: new Set(), held: undefined };
  const soon = lookInterval(grace);
  const told = new Set<string>();

  const forget = (key: OwnerKey): void => {
    if (memory.missing.delete(keyText(key))) memory.held = undefined;
    memory.confirmed.delete(keyText(key));
    if (memory.missing.size === 0) told.clear();
  };
  const look = (key: OwnerKey, objects: readonly string[]): Missing => {
    const before = memory.missing.get(keyText(key));
    if (before?.objects.join() !== objects.join()) memory.held = undefined;
    const after = lookAgain(before, { kind: key.kind, namespace: key.namespace, objects }, grace, clock.now());
    memory.missing.set(keyText(key), { ...after, key });
    return after;
  };
  // Not before the second look: until then more may still be found missing.
  const tell = ({ age }: Missing, token: string): void => {
    if (told.has(token) || age === 0) return;
    told.add(token);
    tellHeldBack(options, memory, token);
  };

  return {
    gate(key, plan) {
      const objects = plan.actions.flatMap((action) =>
        action.kind === "delete" && action.key.namespace === contractNamespace ? [action.uid] : [],
      );
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
      const held = tokensOf(options, memory).size;
      return { waiting: memory.missing.size - held, heldBack: held };
    },
  };
}

function judge(options: OrphanWatchOptions, memory: Memory, text: string, grace: number): OrphanVerdict {
  const { log } = options;
  const missing = memory.missing.get(text);
  if (missing === undefined) return { kind: "Wait", after: grace };
  const tokens = tokensOf(options, memory);
  const verdict = judgeOrphan(missing, tokens.get(text), grace);
  if (verdict.kind !== "HoldBack" || !confirmations(options).has(verdict.token)) return verdict;
  for (const [each, token] of tokens) if (token === verdict.token) memory.confirmed.add(each);
  memory.held = undefined;
  const note = warn("MassDeletionConfirmed", "What is missing was confirmed: it goes, each after its hour.");
  log.warn({ reason: note.reason, confirmation: verdict.token }, note.message);
  announce(options, note);
  return judgeOrphan(missing, undefined, grace);
}

/** The tokens that people have confirmed: one, or several separated by commas. */
function confirmations({ cluster, contractNamespace }: OrphanWatchOptions): ReadonlySet<string> {
  const object = cluster.get({ kind: "ConfigMap", namespace: contractNamespace, name: deletionsName });
  const text = object?.metadata.annotations?.[annotations.confirmDeletions] ?? "";
  return new Set(text.split(",").map((token) => token.trim()));
}

function tokensOf({ cluster }: OrphanWatchOptions, memory: Memory): ReadonlyMap<string, string> {
  const tenants = cluster.list("RelayTenant");
  const domains = cluster.list("SendingDomain");
  const of = `${tenants.length}/${domains.length}`;
  if (memory.held?.of === of) return memory.held.tokens;
  const present = new Map<string, Record<OwnerKey["kind"], number>>();
  for (const { kind, metadata } of [...tenants, ...domains]) {
    const counts = present.get(metadata.namespace) ?? { RelayTenant: 0, SendingDomain: 0 };
    counts[kind] += 1;
    present.set(metadata.namespace, counts);
  }
  memory.held = { of, tokens: heldBack({ present, ...memory }) };
  return memory.held.tokens;
}

function tellHeldBack(options: OrphanWatchOptions, memory: Memory, token: string): void {
  const { log, contractNamespace } = options;
  const missing = [...tokensOf(options, memory)].filter(([, each]) => each === token).map(([text]) => text);
  const message = `${missing.length} custom resources went at once, so nothing of theirs is deleted. Bring them back, or confirm: annotate the ConfigMap ${contractNamespace}/${deletionsName} with ${annotations.confirmDeletions}: "${token}".`;
  const note = warn("MassDeletionHeldBack", message);
  log.warn({ reason: note.reason, confirmation: token, missing: missing.toSorted().slice(0, 20) }, message);
  announce(options, note);
}

/** About the object on which people confirm, whether it is there or not: what is gone cannot be told of anything. */
function announce({ onNote, contractNamespace }: OrphanWatchOptions, note: Note): void {
  onNote?.({ kind: "ConfigMap", namespace: contractNamespace, name: deletionsName }, "Delete", note);
}
