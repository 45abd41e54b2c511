/** Resolves in the next turn of the event loop: timers that are due and sockets that have something to say come before. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
