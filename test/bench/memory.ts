import { readFileSync } from "node:fs";

/** Watches the anonymous memory of a process: what it cannot give back, file mappings left out. */
export function watchMemory(pid: number): { readonly peak: () => number; readonly stop: () => void } {
  let peak = 0;
  const look = (): void => {
    try {
      const kib = /^RssAnon:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      peak = Math.max(peak, Number(kib ?? 0) * 1024);
    } catch {
      // Gone, or no Linux: what was seen stands.
    }
  };
  const timer = setInterval(look, 100);
  return { peak: () => peak, stop: () => clearInterval(timer) };
}
