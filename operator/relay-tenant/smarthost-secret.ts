import type { SecretObject } from "../../cluster/object.ts";
import type { Cluster } from "../../cluster/port.ts";
import type { ObjectData } from "../../contract/codec.ts";
import { labels, smarthostSecretName, tenantKey } from "../../contract/names.ts";
import {
  decodeSmarthostSecret,
  encodeSmarthostSecret,
  smarthostFingerprint,
  type SmarthostLogin,
  type SmarthostSecret,
} from "../../contract/smarthost-secret.ts";
import type { SmarthostCopy } from "../action.ts";
import { isOurs, ownSecret } from "../own-objects.ts";
import type { Relations } from "../relations.ts";
import { secretOffer, type SecretOffer } from "../secret-offer.ts";

// The one place of the operator that sees the credentials of smarthosts: plans hold names made of fingerprints.

/** A tenant, and the Secret in its namespace that a smarthost refers to. */
type SmarthostReference = SmarthostCopy["from"];

/** What an offered Secret is good for: the name that the copy of its credentials has, or why it holds none. */
export type OfferedLogin = { readonly copyName: string } | { readonly unusable: string };

/** A Secret in the contract namespace with credentials of a tenant, or where they should be. */
export interface StandingCopy {
  readonly objectName: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** `Altered`: it is the operator's, and its credentials are not those that its name says. `Foreign`: it is not the operator's. */
  readonly state: "Intact" | "Altered" | "Foreign";
}

/** What a plan looks at of the credentials for a tenant's smarthosts. */
export interface ObservedSmarthosts {
  /** By the name of the Secret that is referred to. */
  readonly offers: ReadonlyMap<string, SecretOffer<OfferedLogin>>;
  readonly copies: readonly StandingCopy[];
}

/** Where the credentials are read from and where they are copied to. */
export interface SmarthostSources {
  readonly cluster: Cluster;
  readonly relations: Relations;
  readonly contractNamespace: string;
}

/** Looks at what a tenant's smarthosts refer to, and at what was copied for it. */
export function observeSmarthosts(
  sources: SmarthostSources,
  tenant: { readonly namespace: string; readonly name: string },
  secrets: readonly string[],
): ObservedSmarthosts {
  const { cluster, contractNamespace } = sources;
  const { namespace, name } = tenant;
  const offers = new Map(
    secrets.map((secret) => [secret, offerOf(cluster, { namespace, tenant: name, secret })] as const),
  );
  const wanted = [...offers.values()].flatMap((offer) =>
    offer.kind === "Offered" && "copyName" in offer.value ? [offer.value.copyName] : [],
  );
  const made = sources.relations.objectsOf("smarthost", tenantKey(namespace, name));
  const copies = [...new Set([...made, ...wanted])].toSorted().flatMap((objectName) => {
    const secret = cluster.get<"Secret">({ kind: "Secret", namespace: contractNamespace, name: objectName });
    if (secret === undefined) return [];
    const { uid = "", resourceVersion = "" } = secret.metadata;
    return [{ objectName, uid, resourceVersion, state: stateOf(secret, tenant) }];
  });
  return { offers, copies };
}

function stateOf(
  secret: SecretObject,
  tenant: { readonly namespace: string; readonly name: string },
): StandingCopy["state"] {
  const decoded = decodeSmarthostSecret(secret.data);
  if (!isOurs(secret.metadata, labels.key, "smarthost") || "error" in decoded) return "Foreign";
  const { source } = decoded.value;
  if (source.namespace !== tenant.namespace || source.tenant !== tenant.name) return "Foreign";
  return smarthostSecretName(smarthostFingerprint(decoded.value)) === secret.metadata.name ? "Intact" : "Altered";
}

function offerOf(cluster: Cluster, reference: SmarthostReference): SecretOffer<OfferedLogin> {
  const { namespace, secret } = reference;
  const object = cluster.get<"Secret">({ kind: "Secret", namespace, name: secret });
  return secretOffer(object, "smarthost", (data): OfferedLogin => {
    const read = readLogin(data);
    if ("unusable" in read) return read;
    return { copyName: smarthostSecretName(smarthostFingerprint(contentOf(reference, object?.metadata.uid, read))) };
  });
}

function contentOf(reference: SmarthostReference, uid = "-", login: SmarthostLogin): SmarthostSecret {
  return { source: { ...reference, uid }, login };
}

/** Longest user name and password: AUTH carries both in one line (RFC 4954 §4). */
const longest = 1024;
// oxlint-disable-next-line eslint/no-control-regex -- control characters are what it looks for
const control = /[\u0000-\u001f\u007f\ufffd]/;

/** The credentials in a Secret, or what is wrong with it, without a value. */
export function readLogin(data: ObjectData): SmarthostLogin | { readonly unusable: string } {
  const { username = "", password = "" } = data;
  for (const [key, value] of Object.entries({ username, password })) {
    if (value === "") return { unusable: `it has no key ${key}, or an empty one` };
    if (value.length > longest) return { unusable: `its key ${key} is longer than ${longest} characters` };
    if (control.test(value)) return { unusable: `its key ${key} holds a line break or another control character` };
  }
  return { username, password };
}

/** Copies credentials into an immutable Secret, never replacing one. False: they are not what the plan saw, or it is there. */
export async function copySmarthostSecret(
  cluster: Cluster,
  { namespace, name, from }: SmarthostCopy,
): Promise<boolean> {
  const object = cluster.get<"Secret">({ kind: "Secret", namespace: from.namespace, name: from.secret });
  const offer = secretOffer(object, "smarthost", readLogin);
  if (offer.kind !== "Offered" || "unusable" in offer.value) return false;
  const content = contentOf(from, object?.metadata.uid, offer.value);
  if (smarthostSecretName(smarthostFingerprint(content)) !== name) return false;
  const own = { namespace, name, labels: { [labels.key]: "smarthost" }, owner: tenantKey(from.namespace, from.tenant) };
  return (await cluster.create(ownSecret(own, encodeSmarthostSecret(content), true))) === "Created";
}
