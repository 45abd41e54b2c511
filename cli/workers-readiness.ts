import type { Readiness } from "../runtime/http.ts";
import type { Answer } from "../runtime/workers/supervise.ts";

/** Readiness of all workers as one; `working` of them take mail. */
export interface WorkersReadiness extends Readiness {
  readonly working: number;
}

/**
 * Ready while one worker takes mail: it answers for all on the ports that they share. What keeps the others from it is
 * told all the same.
 */
export function workersReadiness(answers: readonly Answer[]): WorkersReadiness {
  const told = answers.map(({ number, answer }) => ({ number, readiness: asReadiness(answer) }));
  const working = told.filter(({ readiness }) => readiness?.ready === true).length;
  const reasons = told.flatMap(({ number, readiness }) => {
    if (readiness === undefined) return [`worker ${number}: starts, or gives no sign`];
    return readiness.ready ? [] : readiness.reasons.map((reason) => `worker ${number}: ${reason}`);
  });
  const notes = [...new Set(told.flatMap(({ readiness }) => readiness?.notes ?? []))];
  if (working === 0) return { ready: false, working, reasons, notes };
  return { ready: true, working, reasons: [], notes: [...notes, ...reasons] };
}

function asReadiness(answer: unknown): Readiness | undefined {
  if (typeof answer !== "object" || answer === null || !("ready" in answer) || !("reasons" in answer)) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a worker of this very version answers
  return answer as Readiness;
}
