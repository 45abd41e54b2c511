/** What is known of a server's clock: how far it is ahead of ours, by the quickest of the last answers (as in RFC 5905 section 10). */
export interface ServerClock {
  /** The server said `told` in an answer to what was asked at `asked` and came at `answered` of our clock. Milliseconds. */
  hear(told: number, asked: number, answered: number): void;
  /** Another server may be there now. */
  forget(): void;
  /** What it shows at `now` of our clock, or undefined while it said nothing. */
  at(now: number): number | undefined;
}

const remembered = 10;

export function serverClock(): ServerClock {
  let heard: readonly { readonly ahead: number; readonly took: number }[] = [];
  return {
    hear(told, asked, answered) {
      const one = { ahead: told - (asked + answered) / 2, took: answered - asked };
      heard = [...heard, one].slice(-remembered);
    },
    forget() {
      heard = [];
    },
    at(now) {
      const [first, ...others] = heard;
      if (first === undefined) return undefined;
      return now + others.reduce((best, one) => (one.took <= best.took ? one : best), first).ahead;
    },
  };
}
