import type { Decoded, ObjectData } from "../../contract/codec.ts";
import type { CredentialIdentity } from "../../contract/names.ts";

/** What is kept of an issued API key: one immutable Secret each. It cannot be derived, and it is not the key. */
export interface CredentialRecord {
  readonly credential: CredentialIdentity;
  /** The application Secret that the key was written to. */
  readonly secretName: string;
  /** 1 for the first key of the credential; the highest is the current one. */
  readonly serial: number;
  /** Id of the API key. */
  readonly id: string;
  /** SHA-256 of its secret, hex. */
  readonly sha256: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** The last token of posthouse.dev/rotate that had been acted on when it was issued. */
  readonly rotation?: string;
}

/** The data of a record Secret. */
export function encodeCredentialRecord(record: CredentialRecord): ObjectData {
  const { namespace, tenant, environment, credential } = record.credential;
  return {
    credential,
    environment,
    id: record.id,
    issuedAt: new Date(record.issuedAt).toISOString(),
    namespace,
    ...(record.rotation !== undefined && { rotation: record.rotation }),
    secretName: record.secretName,
    serial: String(record.serial),
    sha256: record.sha256,
    tenant,
  };
}

const form: Readonly<Record<string, RegExp>> = {
  credential: /^.+$/,
  environment: /^.+$/,
  id: /^[a-z0-9]{12}$/,
  issuedAt: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  namespace: /^.+$/,
  secretName: /^.+$/,
  serial: /^[1-9][0-9]{0,8}$/,
  sha256: /^[0-9a-f]{64}$/,
  tenant: /^.+$/,
};

/** The record in a Secret's data. */
export function decodeCredentialRecord(data: ObjectData): Decoded<CredentialRecord> {
  const bad = Object.entries(form).find(([key, pattern]) => !pattern.test(data[key] ?? ""));
  if (bad) return { error: `${bad[0]} is missing or malformed` };
  const issuedAt = Date.parse(data["issuedAt"] ?? "");
  if (Number.isNaN(issuedAt)) return { error: "issuedAt is not a time" };
  const {
    credential = "",
    environment = "",
    id = "",
    namespace = "",
    secretName = "",
    sha256 = "",
    tenant = "",
  } = data;
  const identity = { namespace, tenant, environment, credential };
  const rotation = data["rotation"] === undefined ? {} : { rotation: data["rotation"].slice(0, 64) };
  const serial = Number(data["serial"]);
  return { value: { credential: identity, secretName, serial, id, sha256, issuedAt, ...rotation } };
}
