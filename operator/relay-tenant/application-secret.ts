import type { SecretObject } from "../../cluster/object.ts";
import { hashSecret, parseApiKey } from "../../contract/api-key.ts";
import type { ObjectData } from "../../contract/codec.ts";
import { annotations, labels, tenantHash, tenantKey } from "../../contract/names.ts";
import type { CredentialTarget, Submission } from "../action.ts";
import { ownMetadata } from "../own-objects.ts";

/** The Secret type of an SMTP service binding (servicebinding.io). */
export const applicationSecretType = "servicebinding.io/smtp";

const username = "apikey";

/** What applications read: the keys of a service binding, and the names that charts and frameworks look for. */
export function applicationData(submission: Submission, apiKey: string): ObjectData {
  const { host, implicitTls, certificates } = submission;
  const port = String(submission.port);
  return {
    type: "smtp",
    provider: "posthouse",
    host,
    port,
    username,
    password: apiKey,
    uri: `${implicitTls ? "smtps" : "smtp"}://${username}:${apiKey}@${host}:${port}`,
    ...(certificates !== undefined && { certificates }),
    user: username,
    smarthost: `${host}:${port}`,
    SMTP_HOST: host,
    SMTP_PORT: port,
    SMTP_USERNAME: username,
    SMTP_PASSWORD: apiKey,
  };
}

/** The application Secret of a credential. */
export function applicationSecret(
  target: CredentialTarget,
  submission: Submission,
  apiKey: string,
  resourceVersion?: string,
): SecretObject {
  const { namespace, tenant } = target.credential;
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: ownMetadata({
      namespace,
      name: target.secretName,
      labels: { [labels.tenant]: tenantHash(namespace, tenant) },
      owner: tenantKey(namespace, tenant),
      annotations: { [annotations.credential]: credentialText(target) },
      ...(resourceVersion !== undefined && { resourceVersion }),
    }),
    type: applicationSecretType,
    data: applicationData(submission, apiKey),
  };
}

/** What a plan may know of a Secret in a tenant's namespace: never its API key. */
export interface ObservedSecret {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Posthouse made it for this tenant. */
  readonly owned: boolean;
  /** SHA-256 of the secret in the API key that it holds; absent when it holds none. */
  readonly sha256?: string;
  /** `<environment>/<credential>` that it was made for. */
  readonly credential?: string;
  /** Around its API key it says all that it should. */
  readonly upToDate: boolean;
}

/** Looks at a Secret in a tenant's namespace. */
export function inspectSecret(
  secret: SecretObject,
  tenant: { readonly namespace: string; readonly name: string },
  submission: Submission,
): ObservedSecret {
  const { metadata, type, data } = secret;
  const owned =
    type === applicationSecretType &&
    metadata.labels?.[labels.managedBy] === "posthouse" &&
    metadata.labels[labels.tenant] === tenantHash(tenant.namespace, tenant.name);
  const apiKey = data["password"] ?? "";
  const parsed = owned ? parseApiKey(apiKey) : undefined;
  const wanted = Object.entries(applicationData(submission, apiKey));
  const credential = metadata.annotations?.[annotations.credential];
  return {
    uid: metadata.uid ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
    owned,
    ...(parsed && { sha256: hashSecret(parsed.secret) }),
    ...(credential !== undefined && { credential }),
    upToDate: wanted.every(([key, value]) => data[key] === value) && trustsNoMore(submission, data),
  };
}

/** An authority that nobody names any more would keep clients from verifying the certificate that came after it. */
function trustsNoMore({ certificates }: Submission, data: ObjectData): boolean {
  return certificates !== undefined || data["certificates"] === undefined;
}

/** `<environment>/<credential>`. */
export function credentialText({ credential }: CredentialTarget): string {
  return `${credential.environment}/${credential.credential}`;
}
