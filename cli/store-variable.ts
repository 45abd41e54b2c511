import { isDeepStrictEqual } from "node:util";
import { parseStoreAddress, type StoreAddress, StoreAddressError } from "../relay/store/address.ts";
import { UserError } from "./terminal.ts";

/** Address of the store, from a Secret for example: it outranks `store` of the fleet file, and may hold a password. */
export const storeVariable = "POSTHOUSE_STORE";

/** A store address apart from its password. */
export interface StoreVariable {
  /** Without the password, so that it may be shown. */
  readonly store: string;
  readonly address: StoreAddress;
  /** Percent-decoded. */
  readonly password?: string;
}

/**
 * Reads the value of {@link storeVariable}: a store address as the fleet file has it, and in one of a Redis perhaps
 * `redis://USER:PASSWORD@HOST` with the user left empty where there is none. Undefined when it is not set. Throws a UserError,
 * which never quotes the value.
 */
export function readStoreVariable(value: string | undefined): StoreVariable | undefined {
  if (value === undefined || value === "") return undefined;
  try {
    const { store, password } = apart(value);
    const address = parseStoreAddress(store);
    return { store, address, ...(password !== undefined && { password: decodeURIComponent(password) }) };
  } catch (error) {
    if (error instanceof URIError) throw new UserError(`the password in ${storeVariable} is not percent-encoded`);
    throw error instanceof StoreAddressError ? new UserError(`${storeVariable} ${error.message}`) : error;
  }
}

function apart(value: string): { readonly store: string; readonly password?: string } {
  const [, scheme, user, password, rest] = /^([a-z+]+:\/\/)([^:@/]*):(.*)@([^@]*)$/s.exec(value) ?? [];
  if (password === undefined) return { store: value };
  return { store: `${scheme}${user === "" ? "" : `${user}@`}${rest}`, password };
}

/**
 * Throws a UserError where {@link storeVariable} names a folder: on Kubernetes it comes from the Secret of a Redis, whose relays are
 * several and have no volume.
 */
export function refuseFolderVariable(value: string | undefined): void {
  if (readStoreVariable(value)?.address.kind !== "File") return;
  throw new UserError(
    `${storeVariable} names a folder, whose mail would be gone with its pod: put the address of a Redis, such as redis://redis.example.net:6379, into the Secret that redis.secretName names; a store in a folder is named in store of the fleet file, and by the chart where redis.secretName is empty`,
  );
}

/** The password that {@link storeVariable} holds for this very server. */
export function passwordFor(address: StoreAddress, value: string | undefined): string | undefined {
  const variable = readStoreVariable(value);
  return variable !== undefined && isDeepStrictEqual(variable.address, address) ? variable.password : undefined;
}
