import { join } from "node:path";
import { describeStoreAddress, type StoreAddress } from "../relay/store/address.ts";
import { type Lock, takeLock } from "../runtime/lock-file.ts";
import { UserError } from "./terminal.ts";

/**
 * Takes an embedded store for this process alone: nobody else delivers from it or moves it. Throws a UserError that names
 * who has it. A Redis needs none: it refuses by itself what is marked as moved.
 */
export async function lockStore(address: StoreAddress): Promise<Lock | undefined> {
  if (address.kind !== "File") return undefined;
  const lock = await takeLock(join(address.path, "in-use.lock"));
  if ("release" in lock) return lock;
  throw new UserError(
    `${describeStoreAddress(address)} is in use by process ${lock.pid} on ${lock.host}: stop that one first`,
  );
}
