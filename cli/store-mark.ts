import type { MoveMark } from "../relay/store/transfer.ts";

/** What a mark says of its store, and what to do about it. */
export function describeMark({ kind, place, at }: MoveMark): string {
  const day = new Date(at).toISOString();
  if (kind === "MovedTo")
    return `its mail and ledger were moved to ${place} (${day}): name that in store; if the move shall not count, \`posthouse store unmark\` takes the mark away`;
  if (kind === "ArrivingFrom")
    return `the move from ${place} (${day}) did not come to its end: run the same \`posthouse store move\` again`;
  return `it was moved here from ${place} (${day})`;
}

/** One side of a move: what people call it, and the mark that it bears. */
export interface MarkedSide {
  readonly place: string;
  readonly mark: MoveMark | undefined;
}

/** What is to be done, by the marks on both sides. */
export type MovePlan =
  | { readonly kind: "Refused"; readonly why: string }
  /** It came to its end before. */
  | { readonly kind: "Done" }
  /** To an empty store. `move`: the id of the same move, if its source was marked already. */
  | { readonly kind: "Begin"; readonly move?: string }
  | { readonly kind: "Resume"; readonly move: string };

/** Reads the marks on both sides of a move. */
export function planMove(from: MarkedSide, to: MarkedSide): MovePlan {
  const { mark } = from;
  if (mark?.kind === "MovedTo" && mark.place === to.place) return planAgain(mark.move, to);
  if (mark !== undefined && mark.kind !== "ArrivedFrom")
    return refused(`${from.place} cannot be moved: ${describeMark(mark)}`);
  return planTarget(to) ?? { kind: "Begin" };
}

/** The source was marked by a run of the same move before. */
function planAgain(move: string, to: MarkedSide): MovePlan {
  if (to.mark?.move === move && to.mark.kind === "ArrivedFrom") return { kind: "Done" };
  if (to.mark?.move === move && to.mark.kind === "ArrivingFrom") return { kind: "Resume", move };
  return planTarget(to) ?? { kind: "Begin", move };
}

/** Why a store is no place to move to, by its mark. */
function planTarget({ place, mark }: MarkedSide): MovePlan | undefined {
  if (mark?.kind === "MovedTo") return refused(`${place} is no place to move to: ${describeMark(mark)}`);
  if (mark?.kind === "ArrivingFrom")
    return refused(`${place} holds part of another move, from ${mark.place}: empty it, or finish that one`);
  return undefined;
}

function refused(why: string): MovePlan {
  return { kind: "Refused", why };
}
