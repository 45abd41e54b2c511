import { readFileSync } from "node:fs";

/** Milliseconds of processor time that a process has had, all threads together; 0 where there is no /proc. */
export function processorTime(pid: number): number {
  try {
    const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
    const [user = 0, system = 0] = fields.split(" ").slice(11, 13).map(Number);
    return (user + system) * 10;
  } catch {
    return 0;
  }
}
