import type { Clock } from "../../../runtime/clock.ts";
import type { Logger } from "../../../runtime/log.ts";
import type { Store } from "../store.ts";
import { countCapturesOnce } from "./capture-octets.ts";
import { lmdbCaptures } from "./captures.ts";
import { openEnvironment } from "./environment.ts";
import { lmdbLedger } from "./ledger.ts";
import { lmdbQueue } from "./queue.ts";
import { releaseLeases } from "./release-leases.ts";
import { lmdbSpool } from "./spool.ts";
import { countOnce } from "./spooled.ts";
import { lmdbTransfer } from "./transfer.ts";

export interface OpenStore {
  /** The folder of the store; made with mode 0700 when it is not there. On a disk of this machine. */
  readonly path: string;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
  /** This process alone delivers from the store: leases that an earlier one left behind are let go. */
  readonly sole?: boolean;
}

/**
 * Opens the embedded store. Several processes of one machine may have it open. Rejects with StoreUnavailable when the
 * folder cannot be used or holds a format that this version does not know.
 */
export async function openStore({ path, clock, log, sole = false }: OpenStore): Promise<Store> {
  const environment = await openEnvironment(path, log);
  await countOnce(environment);
  await countCapturesOnce(environment);
  const released = sole ? await releaseLeases(environment) : 0;
  if (released > 0) log.info({ released }, "deliveries that an earlier process had begun are due again");
  const ledger = lmdbLedger(environment);
  return {
    spool: lmdbSpool(environment, log),
    queue: lmdbQueue(environment, clock),
    ledger,
    captures: lmdbCaptures(environment),
    transfer: lmdbTransfer(environment, path),
    async ready() {
      if (environment.healthy()) return true;
      try {
        await environment.write((tables) => tables.meta.putSync("probe", clock.now()), 1);
        return true;
      } catch {
        return false;
      }
    },
    close: () => environment.close(),
  };
}
