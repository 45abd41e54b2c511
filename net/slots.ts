/** A bound on what goes on at once; who finds no place free waits in line. */
export interface Slots {
  /** Resolves to false, without a place, when the signal is aborted before one is free. Whoever got one releases it. */
  readonly take: (signal: AbortSignal) => Promise<boolean>;
  readonly release: () => void;
}

/** Makes `most` places. */
export function createSlots(most: number): Slots {
  let free = most;
  const line = new Set<(got: boolean) => void>();
  return {
    take(signal) {
      if (signal.aborted) return Promise.resolve(false);
      if (free > 0) {
        free--;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const settle = (got: boolean): void => {
          line.delete(settle);
          signal.removeEventListener("abort", onAbort);
          resolve(got);
        };
        const onAbort = (): void => settle(false);
        signal.addEventListener("abort", onAbort, { once: true });
        line.add(settle);
      });
    },
    release() {
      const [next] = line;
      if (next) next(true);
      else free++;
    },
  };
}
