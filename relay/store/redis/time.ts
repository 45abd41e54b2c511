/** The highest time that this process told the store or heard from it: what the store's clock shows, or a little less. */
export interface HighestTime {
  /** Takes another time into account and returns the highest. */
  readonly with: (time: number) => number;
}

export function highestTime(): HighestTime {
  let highest = 0;
  return { with: (time) => (highest = Math.max(highest, time)) };
}
