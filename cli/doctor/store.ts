import { Registry } from "prom-client";
import { describeStoreAddress } from "../../relay/store/address.ts";
import { StoreUnavailable } from "../../relay/store/store.ts";
import { createLogger } from "../../runtime/log.ts";
import type { Fleet } from "../fleet.ts";
import { openFleetStore, storeAddressOf } from "../open-store.ts";
import { UserError } from "../terminal.ts";
import { unusedStore, unusedStoreRemedy, unusedStoreWarning } from "../unused-store.ts";
import { bad, good, warning, type Finding } from "./finding.ts";

const check = "store";
const guide = "docs/guides/store.md tells what Redis must be";

/** The store that the fleet file names, and one in the state folder that it no longer names. */
export async function checkStore(fleet: Fleet, state: string): Promise<readonly Finding[]> {
  const unused = await unusedStore(fleet, state);
  const left = unused === undefined ? [] : [warning(check, unusedStoreWarning, unusedStoreRemedy(unused, fleet))];
  return [...(await checkRedis(fleet, state)), ...left];
}

/** The Redis that the fleet file names: that it can be reached, and is as durable as it must be. Of the embedded store the state folder tells. */
async function checkRedis(fleet: Fleet, state: string): Promise<readonly Finding[]> {
  const address = storeAddressOf(fleet, state);
  if (address.kind === "File") return [];
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  try {
    const { store, condition } = await openFleetStore({ fleet, state, log, metrics: new Registry() });
    const { refuses, durability, memory } = await condition();
    await store.close();
    return [judge(describeStoreAddress(address), { refuses, durability, limit: memory?.limit ?? 0 })];
  } catch (error) {
    if (error instanceof StoreUnavailable || error instanceof UserError) return [bad(check, error.message, guide)];
    throw error;
  }
}

function judge(
  server: string,
  found: { readonly refuses: string | undefined; readonly durability: Fleet["durability"]; readonly limit: number },
): Finding {
  if (found.refuses !== undefined) return bad(check, found.refuses, guide);
  const what = `${server}, durability ${found.durability}`;
  if (found.durability === "None") return warning(check, what, "good for trying out: accepted mail may be lost");
  if (found.limit === 0)
    return warning(
      check,
      `${what}, no maxmemory`,
      "set maxmemory, or acceptance cannot stop before the memory is full",
    );
  return good(check, what);
}
