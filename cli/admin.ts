import type { Registry } from "prom-client";
import type { StoreCondition } from "../relay/store/condition.ts";
import { serveAdmin, type AdminServer, type Readiness } from "../runtime/http.ts";
import type { Fleet } from "./fleet.ts";
import { UserError } from "./terminal.ts";

/** Serves the admin port. Rejects with a UserError when it cannot be listened on. */
export async function startAdmin(
  fleet: Fleet,
  condition: () => Promise<StoreCondition>,
  metrics: Registry,
): Promise<AdminServer> {
  try {
    return await serveAdmin({ ...fleet.admin, metrics, readiness: async () => readiness(await condition()) });
  } catch (error) {
    const { host, port } = fleet.admin;
    const why = error instanceof Error && "code" in error ? error.code : error;
    throw new UserError(
      `the admin port ${port} of ${host} cannot be listened on (${String(why)}): it is in use or not allowed; set admin in the fleet file`,
      { cause: error },
    );
  }
}

function readiness({ refuses, durability }: StoreCondition): Readiness {
  const notes = [`durability: ${durability}`];
  return { ready: refuses === undefined, reasons: refuses === undefined ? [] : [refuses], notes };
}
