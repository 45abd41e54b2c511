import type { SecretObject } from "../cluster/object.ts";
import { labels } from "../contract/names.ts";
import { problem, type Problem } from "./reasons.ts";

/** What a Secret of a user may be offered for. */
export type SecretUse = "smarthost" | "dkim-import";

/** The Secret that a custom resource refers to; it stands in the namespace of the custom resource. */
export interface SecretReference {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Why a Secret that a spec refers to must not be read yet; undefined when it may be. Whoever may write a custom resource
 * must not thereby read Secrets: who may change the Secret offers it by a label.
 */
export function secretOffered(
  secret: Pick<SecretObject, "metadata"> | undefined,
  use: SecretUse,
  { namespace, name }: SecretReference,
): Problem | undefined {
  if (secret === undefined)
    return problem("SecretNotFound", `The Secret ${name} is not in the namespace ${namespace}.`);
  const offered = secret.metadata.labels?.[labels.use];
  if (offered === use) return undefined;
  const command = `kubectl label secret ${name} --namespace ${namespace} --overwrite ${labels.use}=${use}`;
  return problem("SecretNotOffered", `The Secret ${name} does not say that Posthouse may use it: ${command}.`);
}
