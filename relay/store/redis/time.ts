/** The highest time that this process heard from the store or asked it about: its clock shows that, or more. */
export interface HighestTime {
  readonly known: () => number;
  /** Takes another time into account and returns the highest. */
  readonly hear: (time: number) => number;
}

export function highestTime(): HighestTime {
  let highest = 0;
  return { known: () => highest, hear: (time) => (highest = Math.max(highest, time)) };
}
