import { resolve } from "node:path";
import { describeStoreAddress, type StoreAddress } from "../relay/store/address.ts";
import type { Fleet } from "./fleet.ts";

/** What people call a store, and nobody another one. */
export function placeOf(address: StoreAddress, { redis }: Fleet): string {
  if (address.kind === "File") return resolve(address.path);
  const prefix = redis.keyPrefix === "posthouse" ? "" : `, keys ${redis.keyPrefix}:`;
  const database = address.database === 0 ? "" : `, database ${address.database}`;
  return `${describeStoreAddress(address)}${database}${prefix}`;
}
