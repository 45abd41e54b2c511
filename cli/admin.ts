import { areTooOld } from "../relay/decision/contracts-age.ts";
import type { StoreCondition } from "../relay/store/condition.ts";
import { serveAdmin, type AdminOptions, type AdminServer, type Readiness } from "../runtime/http.ts";
import { formatDuration } from "../runtime/duration.ts";
import type { Fleet } from "./fleet.ts";
import { UserError } from "./terminal.ts";

/** What the admin port tells. */
export type AdminSources = Pick<AdminOptions, "readiness" | "metrics" | "resources">;

/** Serves the admin port. Rejects with a UserError when it cannot be listened on. */
export async function startAdmin(fleet: Fleet, sources: AdminSources): Promise<AdminServer> {
  try {
    return await serveAdmin({ ...fleet.admin, ...sources });
  } catch (error) {
    const { host, port } = fleet.admin;
    const why = error instanceof Error && "code" in error ? error.code : error;
    throw new UserError(
      `the admin port ${port} of ${host} cannot be listened on (${String(why)}): it is in use or not allowed; set admin in the fleet file`,
      { cause: error },
    );
  }
}

/** Milliseconds: contracts that were heard of so lately are worth no word. */
const young = 120_000;

/** Whether a relay can take mail, by how its store is, and by how long ago its contracts were heard of, if that may be long. */
export function readinessOf(
  condition: () => Promise<StoreCondition>,
  contractsAge: () => number = () => 0,
): () => Promise<Readiness> {
  return async () => {
    const { refuses, durability } = await condition();
    const age = contractsAge();
    const heard = `the API server was last heard of ${formatDuration(age)} ago, and so were contracts and keys`;
    const tooOld = areTooOld(age) ? [`${heard}: no new mail is taken`] : [];
    const reasons = [...(refuses === undefined ? [] : [refuses]), ...tooOld];
    const notes = [`durability: ${durability}`, ...(age > young && tooOld.length === 0 ? [heard] : [])];
    return { ready: reasons.length === 0, reasons, notes };
  };
}

/** The same, but not ready from the moment on that a signal says to stop: nobody sends what is new here any more. */
export function untilStopped<Sources extends AdminSources>(sources: Sources, stopping: AbortSignal): Sources {
  const readiness = (): Readiness | Promise<Readiness> =>
    stopping.aborted ? { ready: false, reasons: ["it stops"] } : sources.readiness();
  return { ...sources, readiness };
}
