import { isDeepStrictEqual } from "node:util";
import type { CustomObject } from "../cluster/object.ts";
import type { Logger } from "../runtime/log.ts";
import { applyAction, type ApplyContext } from "./apply.ts";
import type { Note, Plan } from "./plan.ts";
import type { OwnerKey } from "./relations.ts";

/** More passes than any object needs: whoever still has work then does not settle. */
const mostPasses = 8;

/**
 * Plans and applies until nothing is left to do, then writes the status if it changed. Each pass looks at the world
 * anew, so that what another has done meanwhile counts. Returns when time alone calls for another look.
 */
export async function reconcile<Status>(
  key: OwnerKey,
  makePlan: () => Plan<Status>,
  context: ApplyContext,
  log: Logger,
): Promise<number | undefined> {
  for (let pass = 0; pass < mostPasses; pass++) {
    const plan = makePlan();
    if (plan.actions.length === 0) {
      if (await writeStatus(key, plan.status, context)) tell(key, plan.statusNotes ?? [], log);
      return plan.recheckAfter;
    }
    if (!(await applyAll(plan, context))) continue;
    tell(key, plan.notes, log);
  }
  throw new Error(`${key.kind} ${key.namespace}/${key.name} does not settle`);
}

/** Carries out a plan's actions in order. False: the world was another, and the rest is left to the next plan. */
async function applyAll(plan: Plan<unknown>, context: ApplyContext): Promise<boolean> {
  for (const action of plan.actions) if ((await applyAction(action, context)) === "Again") return false;
  return true;
}

function tell(key: OwnerKey, notes: readonly Note[], log: Logger): void {
  for (const { level, reason, message } of notes) log[level]({ object: key, reason }, message);
}

/** Whether it had to be written. */
async function writeStatus(key: OwnerKey, status: unknown, { cluster }: ApplyContext): Promise<boolean> {
  if (status === undefined) return false;
  const object: CustomObject | undefined = cluster.get(key);
  if (object === undefined || isDeepStrictEqual(object.status, status)) return false;
  await cluster.applyStatus({ ...object, status });
  return true;
}
