import { presentable, type Comparison, type ConclusiveAnswer, type ShownAnswer, type Verdict } from "./verdict.ts";

/** The worst first: what servers disagree about is as wrong as it is at the worst of them. */
const worstFirst: readonly Verdict[] = ["Mismatch", "NeedsMerge", "Missing", "Unknown", "Valid"];
/** Servers named in a sentence at most. */
const mostNamed = 4;

/** Compares what a check has shown: where servers disagree, what the worst of them shows counts, and each is named. */
export function compareShown(shown: ShownAnswer, compare: (answer: ConclusiveAnswer) => Comparison): Comparison {
  if (shown.kind !== "Disagreement") return compare(shown);
  const each = shown.servers.map(({ server, answer }) => ({ server, found: compare(answer) }));
  const ranked = each.toSorted((a, b) => worstFirst.indexOf(a.found.verdict) - worstFirst.indexOf(b.found.verdict));
  const worst = ranked[0]?.found ?? compare({ kind: "NoData" });
  // They show different things that are all right: nothing is to be done.
  if (worst.verdict === "Valid") return worst;
  const groups = Map.groupBy(each, ({ found }) => found.explanation);
  const parts = [...groups].map(([explanation, members]) => {
    return `${names(members.map(({ server }) => server))}: ${explanation}`;
  });
  return { ...worst, explanation: `The name servers of the zone disagree. ${parts.join(" ")}` };
}

/** A sentence that names the servers that could not be asked, to be set behind another; "" when there are none. */
export function silenceSentence(silent: readonly string[]): string {
  return silent.length === 0 ? "" : ` No answer came from ${names(silent)}.`;
}

function names(servers: readonly string[]): string {
  const named = servers.slice(0, mostNamed).map((server) => presentable([server]));
  const more = servers.length - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}
