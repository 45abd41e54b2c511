/** What happens to a fleet during a soak, and when: drawn from a seed, so that a run can be had again. Pure. */

/** A change of the manifests, as their owners make it. */
export type Edit = "RaiseCredits" | "TopUp" | "Disable" | "Enable" | "Rotate";

export type Incident =
  | { readonly kind: "KillRelay"; readonly relay: number }
  /** SIGKILL or SIGTERM, and started again at once. */
  | { readonly kind: "RestartRedis"; readonly signal: "SIGKILL" | "SIGTERM" }
  /** SIGSTOP, and SIGCONT after so many milliseconds. */
  | { readonly kind: "PauseRedis"; readonly length: number }
  | { readonly kind: "Edit"; readonly edit: Edit }
  | { readonly kind: "RollOver" };

/** `at`: milliseconds after the load began. */
export type Step = Incident & { readonly at: number };

export interface PlanOptions {
  /** Milliseconds. */
  readonly length: number;
  readonly relays: number;
  /** Milliseconds from its beginning to the next midnight UTC; the played one comes well before that. */
  readonly midnight: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** A relay that is left alone after the first quarter, so that its memory can be watched. */
  readonly spared: number;
}

const edits: readonly (readonly [share: number, edit: Edit])[] = [
  [0.2, "Rotate"],
  [0.3, "TopUp"],
  [0.35, "Disable"],
  [0.4, "RaiseCredits"],
  [0.6, "Enable"],
  [0.7, "Rotate"],
  [0.75, "TopUp"],
];

/** Milliseconds between two kills, and between two troubles of Redis: at least, and so much more at most. */
const betweenKills = { least: 3000, more: 4000 };
const betweenOutages = { least: 8000, more: 8000 };

/** Milliseconds that the roll-over may be late for, behind troubles of Redis: no soak begins with fewer before midnight. */
export const beforeMidnight = 30_000;

/** Draws what happens. The last tenth stays quiet, so that there is somebody to continue what was broken off. */
export function planOf({ length, relays, midnight, random }: PlanOptions): Plan {
  const spared = Math.floor(random() * relays);
  const end = length * 0.9;
  const times = ({ least, more }: typeof betweenKills): number[] => {
    const found: number[] = [];
    for (let at = least / 2 + random() * more; at < end; at += least + random() * more) found.push(Math.round(at));
    return found;
  };
  const kills = times(betweenKills).map((at): Step => {
    const drawn = Math.floor(random() * relays);
    const relay = drawn === spared && at > length / 4 ? (drawn + 1) % relays : drawn;
    return { at, kind: "KillRelay", relay };
  });
  const outages = times(betweenOutages).map((at, index): Step => {
    if (index % 2 === 0) return { at, kind: "PauseRedis", length: Math.round(500 + random() * 4000) };
    return { at, kind: "RestartRedis", signal: random() < 0.5 ? "SIGKILL" : "SIGTERM" };
  });
  const changes = edits.map(([share, edit]): Step => ({ at: Math.round(length * share), kind: "Edit", edit }));
  const rollOver: Step = { at: Math.round(Math.min(length / 2, midnight - beforeMidnight)), kind: "RollOver" };
  return { spared, steps: [...kills, ...outages, ...changes, rollOver].toSorted((a, b) => a.at - b.at) };
}
