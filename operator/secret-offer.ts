import type { SecretObject } from "../cluster/object.ts";
import type { ObjectData } from "../contract/codec.ts";
import { labels } from "../contract/names.ts";
import { problem, type Problem } from "./reasons.ts";

/** What a Secret may be offered for: the values of the label `posthouse.dev/use`. */
export type SecretUse = "smarthost" | "dkim-import";

/**
 * A Secret that a custom resource refers to, as far as it may be read. Whoever may write a custom resource must not
 * thereby read Secrets, so only one that says by its label what it is for is looked into.
 */
export type SecretOffer<T> =
  | { readonly kind: "NotFound" }
  | { readonly kind: "NotOffered" }
  /** `value` is what was made of its data; nothing else of it is kept. */
  | { readonly kind: "Offered"; readonly value: T };

/** Where a Secret that is referred to stands, and what for. */
export interface SecretPlace {
  readonly namespace: string;
  readonly name: string;
  readonly use: SecretUse;
}

/** Looks at a Secret that is referred to; `read` is called only for one that is offered for the use. */
export function secretOffer<T>(
  secret: SecretObject | undefined,
  use: SecretUse,
  read: (data: ObjectData) => T,
): SecretOffer<T> {
  if (secret === undefined) return { kind: "NotFound" };
  if (secret.metadata.labels?.[labels.use] !== use) return { kind: "NotOffered" };
  return { kind: "Offered", value: read(secret.data) };
}

/** What a reference waits for; undefined when the Secret is offered. */
export function offerProblem(
  { kind }: SecretOffer<unknown>,
  { namespace, name, use }: SecretPlace,
): Problem | undefined {
  if (kind === "Offered") return undefined;
  if (kind === "NotFound") return problem("SecretNotFound", `The Secret ${name} is not in this namespace.`);
  const command = `kubectl -n ${namespace} label secret ${name} ${labels.use}=${use}`;
  return problem("SecretNotOffered", `The Secret ${name} is not offered for this use: ${command} offers it.`);
}
