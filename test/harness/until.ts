/**
 * Asks again until `probe` gives a value; throws what `what` says after `timeout` ms. It asks every 50 ms at first and more rarely
 * the longer it takes, up to every 500 ms: what it waits for needs the cores, and is told a twentieth too late at most.
 */
export async function until<T>(what: string, probe: () => Promise<T | undefined>, timeout = 20_000): Promise<T> {
  const begun = Date.now();
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    const waited = Date.now() - begun;
    if (waited > timeout) throw new Error(`waited ${timeout / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(50, waited / 20), 500)));
  }
}
