/** What is going on, on standard error: the table and JSON have standard output to themselves. */
export interface Progress {
  readonly say: (text: string) => void;
}

/** Lines with the seconds since the start. */
export function startProgress(): Progress {
  const start = performance.now();
  return { say: (text) => console.error(`${Math.round((performance.now() - start) / 1000)}s`.padStart(6), text) };
}
