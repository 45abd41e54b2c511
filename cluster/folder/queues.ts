/** Runs work under a key after all earlier work under that key is done; different keys do not wait for each other. */
export type InTurn = <T>(key: string, work: () => Promise<T> | T) => Promise<T>;

/** Creates empty queues. A failure is its caller's alone. */
export function createQueues(): InTurn {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
    last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (last.get(key) === turn) last.delete(key);
    }
  };
}
