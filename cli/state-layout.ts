import { join } from "node:path";

/** Where things lie under the folder that `--state` names. Objects and status are the folder cluster's. */
export const stateLayout = {
  store: (state: string): string => join(state, "store"),
  lastRedis: (state: string): string => join(state, "last-redis.json"),
  tls: (state: string): string => join(state, "tls"),
} as const;
