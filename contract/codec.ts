import type { ErrorObject, ValidateFunction } from "ajv";
import { remember } from "../runtime/remember.ts";
import { validatorOf } from "../runtime/validator.ts";
import { DomainContract } from "./domain-contract.ts";
import { contractDataKey } from "./names.ts";
import { TenantContract } from "./tenant-contract.ts";

/** A value that was read, or why it could not be. The error names paths and rules, never values. */
export type Decoded<T> = { readonly value: T } | { readonly error: string };

/** `data` of a Secret or ConfigMap. */
export type ObjectData = Readonly<Record<string, string>>;

const tenantContract = validatorOf<TenantContract>(TenantContract);
const domainContract = validatorOf<DomainContract>(DomainContract);

/** The data of a tenant's contract Secret. */
export function encodeTenantContract(contract: TenantContract): ObjectData {
  return { [contractDataKey]: JSON.stringify(contract) };
}

/** The data of a domain's contract Secret. */
export function encodeDomainContract(contract: DomainContract): ObjectData {
  return { [contractDataKey]: JSON.stringify(contract) };
}

/** The tenant contract in a Secret's data. Unknown members are ignored: they are of a later version of the same shape. */
export const decodeTenantContract: (data: ObjectData) => Decoded<TenantContract> = remember((data) =>
  decode(data, tenantContract),
);

/** The domain contract in a Secret's data. Unknown members are ignored: they are of a later version of the same shape. */
export const decodeDomainContract: (data: ObjectData) => Decoded<DomainContract> = remember((data) =>
  decode(data, domainContract),
);

function decode<T>(data: ObjectData, validator: () => ValidateFunction<T>): Decoded<T> {
  const text = data[contractDataKey];
  if (text === undefined) return { error: `the data key "${contractDataKey}" is missing` };
  return parseJson(text, validator);
}

/** Reads JSON that must satisfy a schema. A parser's own message would quote the text, so none is passed on. */
export function parseJson<T>(text: string, validator: () => ValidateFunction<T>): Decoded<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "it is not JSON" };
  }
  const validate = validator();
  if (validate(value)) return { value };
  return { error: describeErrors(validate.errors ?? []) };
}

function describeErrors(errors: readonly ErrorObject[]): string {
  return errors.map(({ instancePath, message }) => `${instancePath || "/"} ${message ?? "is wrong"}`).join("; ");
}
