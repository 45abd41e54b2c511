/**
 * A bound on what goes on at once, in places or in octets: whoever finds no room waits in line. What is larger than all the
 * room gets in when it is alone.
 */
export interface Room {
  /** Resolves to false, having entered nothing, when the signal is aborted first. Whoever is in leaves. */
  enter(size: number, signal: AbortSignal): Promise<boolean>;
  leave(size: number): void;
}

/** Room for sizes that come to `most` together. */
export function createRoom(most: number): Room {
  let taken = 0;
  const line = new Set<() => boolean>();
  const fits = (size: number): boolean => taken === 0 || taken + size <= most;
  return {
    enter(size, signal) {
      if (signal.aborted) return Promise.resolve(false);
      if (line.size === 0 && fits(size)) {
        taken += size;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const settle = (entered: boolean): void => {
          line.delete(turn);
          signal.removeEventListener("abort", onAbort);
          if (entered) taken += size;
          resolve(entered);
        };
        const turn = (): boolean => {
          if (!fits(size)) return false;
          settle(true);
          return true;
        };
        const onAbort = (): void => {
          settle(false);
          admit();
        };
        signal.addEventListener("abort", onAbort, { once: true });
        line.add(turn);
      });
    },
    leave(size) {
      taken -= size;
      admit();
    },
  };

  /** In order: a large one is not passed by for ever. */
  function admit(): void {
    for (const turn of line) if (!turn()) return;
  }
}
