/** The last words that were added, so many at most. */
export interface Recent {
  add(word: string): void;
  has(word: string): boolean;
}

export function recent(most: number): Recent {
  const words = new Set<string>();
  return {
    has: (word) => words.has(word),
    add(word) {
      words.add(word);
      for (const oldest of words) {
        if (words.size <= most) return;
        words.delete(oldest);
      }
    },
  };
}
