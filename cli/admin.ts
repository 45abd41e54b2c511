import type { StoreCondition } from "../relay/store/condition.ts";
import { serveAdmin, type AdminOptions, type AdminServer, type Readiness } from "../runtime/http.ts";
import type { Fleet } from "./fleet.ts";
import { UserError } from "./terminal.ts";

/** What the admin port tells. */
export type AdminSources = Pick<AdminOptions, "readiness" | "metrics">;

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

/** Whether a relay can take mail, by how its store is. */
export function readinessOf(condition: () => Promise<StoreCondition>): () => Promise<Readiness> {
  return async () => {
    const { refuses, durability } = await condition();
    const notes = [`durability: ${durability}`];
    return { ready: refuses === undefined, reasons: refuses === undefined ? [] : [refuses], notes };
  };
}
