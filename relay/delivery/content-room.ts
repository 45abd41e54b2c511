/**
 * Bounds the memory that contents take which are being delivered: whoever finds no room waits in line. A content that is
 * larger than all the room gets in when it is alone.
 */
export interface ContentRoom {
  /** Resolves to false, having entered nothing, when the signal is aborted first. Whoever is in leaves. */
  enter(octets: number, signal: AbortSignal): Promise<boolean>;
  leave(octets: number): void;
}

/** Room for `most` octets. */
export function createContentRoom(most: number): ContentRoom {
  let taken = 0;
  const line = new Set<() => boolean>();
  const fits = (octets: number): boolean => taken === 0 || taken + octets <= most;
  return {
    enter(octets, signal) {
      if (signal.aborted) return Promise.resolve(false);
      if (line.size === 0 && fits(octets)) {
        taken += octets;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const settle = (entered: boolean): void => {
          line.delete(turn);
          signal.removeEventListener("abort", onAbort);
          if (entered) taken += octets;
          resolve(entered);
        };
        const turn = (): boolean => {
          if (!fits(octets)) return false;
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
    leave(octets) {
      taken -= octets;
      admit();
    },
  };

  /** In order: a large one is not passed by for ever. */
  function admit(): void {
    for (const turn of line) if (!turn()) return;
  }
}
