import { isIP } from "node:net";
import type { Fleet } from "./fleet.ts";
import { UserError } from "./terminal.ts";

/** The address that everything listens on which the fleet file gives no other: a pod learns its own from its environment. */
export const bindVariable = "POSTHOUSE_BIND_ADDRESS";

/** A fleet whose listeners without a host, and whose admin port, are on the address of {@link bindVariable}. Throws a UserError when it is none. */
export function boundTo(fleet: Fleet, address: string | undefined): Fleet {
  if (address === undefined || address === "") return fleet;
  if (isIP(address) === 0) throw new UserError(`${bindVariable} is no IP address to listen on: ${address}`);
  return {
    ...fleet,
    listeners: fleet.listeners.map((listener) => ({ host: address, ...listener })),
    admin: { ...fleet.admin, host: address },
  };
}
