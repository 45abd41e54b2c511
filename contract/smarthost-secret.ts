import { createHash } from "node:crypto";
import type { Decoded, ObjectData } from "./codec.ts";

/** The ports that credentials of a smarthost may go to: those of mail, so that nobody makes a relay log in elsewhere. */
export const smarthostPorts: readonly number[] = [25, 465, 587, 2465, 2525, 2587];

/** Where credentials of a smarthost come from: a Secret beside the RelayTenant `tenant`, and that very one. */
export interface SmarthostSource {
  readonly namespace: string;
  readonly tenant: string;
  /** Name of the Secret. */
  readonly secret: string;
  readonly uid: string;
}

/** What a relay says to a smarthost. The password is never logged. */
export interface SmarthostLogin {
  readonly username: string;
  readonly password: string;
}

/** Credentials of a smarthost as their Secret in the contract namespace holds them. */
export interface SmarthostSecret {
  readonly source: SmarthostSource;
  readonly login: SmarthostLogin;
}

/**
 * 32 hex digits that stand for credentials and where they come from. The uid in them is random, so that a password
 * cannot be guessed by the name of an object.
 */
export function smarthostFingerprint({ source, login }: SmarthostSecret): string {
  const { namespace, tenant, secret, uid } = source;
  const text = JSON.stringify([namespace, tenant, secret, uid, login.username, login.password]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** The data of the Secret. */
export function encodeSmarthostSecret({ source, login }: SmarthostSecret): ObjectData {
  const { namespace, tenant, secret, uid } = source;
  return { namespace, password: login.password, secret, tenant, uid, username: login.username };
}

/** The credentials in a Secret's data. */
export function decodeSmarthostSecret(data: ObjectData): Decoded<SmarthostSecret> {
  const { namespace, password, secret, tenant, uid, username } = data;
  if (!namespace || !tenant || !secret || !uid) return { error: "namespace, tenant, secret or uid is missing" };
  if (!username || !password) return { error: "username or password is missing" };
  return { value: { source: { namespace, tenant, secret, uid }, login: { username, password } } };
}
