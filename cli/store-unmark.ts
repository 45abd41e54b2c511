import { type Store, StoreUnavailable } from "../relay/store/store.ts";
import { createLogger } from "../runtime/log.ts";
import { loadFleet } from "./load-fleet.ts";
import { openStoreAt } from "./open-store.ts";
import { lockStore } from "./store-lock.ts";
import { mustExist, readAddress } from "./store-move.ts";
import { placeOf } from "./store-place.ts";
import { exitCode, type Terminal, UserError } from "./terminal.ts";

/** `posthouse store unmark ADDRESS`: lets relays run again on a store that was moved away. Exit code 1 when it was not. */
export async function unmarkStore(
  options: { readonly address: string; readonly fleet?: string },
  terminal: Terminal,
): Promise<number> {
  const address = readAddress(options.address);
  if (address.kind === "File") await mustExist(address.path);
  const fleet = await loadFleet(options.fleet);
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  const place = placeOf(address, fleet);
  const lock = await lockStore(address);
  let store: Store | undefined;
  try {
    ({ store } = await openStoreAt(address, { fleet, log }));
    const mark = await store.transfer.mark();
    if (mark?.kind !== "MovedTo") {
      terminal.err(`${place} is not marked as moved away`);
      return exitCode.failed;
    }
    await store.transfer.setMark(undefined);
    terminal.out(`${place} can be run on again; run nothing on ${mark.place}, or its mail is sent twice`);
    return exitCode.ok;
  } catch (error) {
    throw error instanceof StoreUnavailable ? new UserError(error.message, { cause: error }) : error;
  } finally {
    await store?.close();
    await lock?.release();
  }
}
