import { isDeepStrictEqual } from "node:util";
import type { CustomObject } from "../cluster/object.ts";
import type { Condition } from "../crds/dialect.ts";
import { applyAction, type ApplyContext } from "./apply.ts";
import { readyNotes } from "./conditions.ts";
import { statusOf } from "./custom-objects.ts";
import type { Note, Plan } from "./plan.ts";
import type { OwnerKey } from "./relations.ts";
import { actionWord, statusAction, type Tell } from "./tell.ts";

/** A status as both kinds have it. */
interface WithConditions {
  readonly conditions?: readonly Condition[];
}

/** More passes than any object needs: whoever still has work then does not settle. */
const mostPasses = 8;

/** Timers stand still while a machine sleeps and know nothing of a clock that is set: an hour, then look again. */
const longestPause = 3_600_000;

/**
 * Plans and applies until nothing is left to do, then writes the status if it changed. Each pass looks at the world
 * anew, so that what another has done meanwhile counts. Returns when time alone calls for another look.
 */
export async function reconcile<Status extends WithConditions>(
  key: OwnerKey,
  makePlan: () => Plan<Status>,
  context: ApplyContext,
  tell: Tell,
): Promise<number | undefined> {
  for (let pass = 0; pass < mostPasses; pass++) {
    const plan = makePlan();
    if (plan.actions.length === 0) {
      const notes = await writeStatus(key, plan.status, context);
      if (notes !== undefined) tell(key, statusAction, [...notes, ...(plan.statusNotes ?? [])]);
      return plan.recheckAfter && Math.min(plan.recheckAfter, longestPause);
    }
    if (!(await applyAll(plan, context))) continue;
    tell(key, actionWord(plan.actions), plan.notes);
  }
  throw new Error(`${key.kind} ${key.namespace}/${key.name} does not settle`);
}

/** Carries out a plan's actions in order. False: the world was another, and the rest is left to the next plan. */
async function applyAll(plan: Plan<unknown>, context: ApplyContext): Promise<boolean> {
  for (const action of plan.actions) if ((await applyAction(action, context)) === "Again") return false;
  return true;
}

/** Writes the status if it is another one: what that is to people. Undefined: there was nothing to write. */
async function writeStatus(
  key: OwnerKey,
  status: WithConditions | undefined,
  { cluster }: ApplyContext,
): Promise<readonly Note[] | undefined> {
  if (status === undefined) return undefined;
  const object: CustomObject | undefined = cluster.get(key);
  if (object === undefined || isDeepStrictEqual(object.status, status)) return undefined;
  const before = statusOf(object);
  await cluster.applyStatus({ ...object, status });
  return readyNotes(before?.conditions ?? [], status.conditions ?? []);
}
