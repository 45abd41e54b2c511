import type { ContractSource } from "./contract-source.ts";
import type { Fleet } from "./fleet.ts";

/** What a worker is told to do. Read from the fleet file once, by the primary: one that replaces another does the same. */
export interface WorkerTask {
  /** Its share of the fleet file. */
  readonly fleet: Fleet;
  readonly contracts: ContractSource;
  readonly state: string;
  readonly logLevel: string;
}
