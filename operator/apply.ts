import type { SecretObject } from "../cluster/object.ts";
import type { CreateResult, WriteResult } from "../cluster/port.ts";
import { parseApiKey } from "../contract/api-key.ts";
import { encodeKeySecret, type KeyAlgorithm, type PublicKey } from "../contract/key-secret.ts";
import { keySecretName, labels, tenantKey } from "../contract/names.ts";
import type { Action } from "./action.ts";
import { importableKey } from "./import-key.ts";
import type { KeyPair } from "./key-pair.ts";
import { ownSecret } from "./own-objects.ts";
import { applicationSecret } from "./relay-tenant/application-secret.ts";
import { issueCredential, type IssueContext } from "./relay-tenant/issue-credential.ts";
import { secretOffer } from "./secret-offer.ts";
import { copySmarthostSecret } from "./relay-tenant/smarthost-secret.ts";

/** What carrying out an action takes. */
export interface ApplyContext extends IssueContext {
  readonly makeKeyPair: (algorithm: KeyAlgorithm) => Promise<KeyPair>;
}

/** `Again`: the world is not what the plan saw; observe and plan anew. */
export type Applied = "Done" | "Again";

type ActionOf<K extends Action["kind"]> = Extract<Action, { kind: K }>;

/** Carries out one action. What it throws is of the cluster. */
export async function applyAction(action: Action, context: ApplyContext): Promise<Applied> {
  const { cluster } = context;
  switch (action.kind) {
    case "createKey":
      return createKey(action, context);
    case "importKey":
      return importKey(action, context);
    case "create":
      return appliedBy(await cluster.create(action.object));
    case "apply":
    case "publish":
      return appliedBy(await cluster.apply(action.object));
    case "issueCredential":
      return issueCredential(action, context);
    case "refreshCredential":
      return refreshCredential(action, context);
    case "copySmarthostSecret":
      return (await copySmarthostSecret(cluster, action)) ? "Done" : "Again";
    case "delete":
      return appliedBy(await cluster.delete(action.key, action.uid, action.resourceVersion));
    default:
      return action satisfies never;
  }
}

/** Whoever was second at a write looks again. */
function appliedBy(result: CreateResult | WriteResult): Applied {
  return result === "Created" || result === "Done" ? "Done" : "Again";
}

async function createKey(
  action: ActionOf<"createKey">,
  { cluster, clock, makeKeyPair }: ApplyContext,
): Promise<Applied> {
  const { namespace, claim, selector, algorithm } = action;
  const { privateKey, publicKey, fingerprint } = await makeKeyPair(algorithm);
  const key = { claim, selector, algorithm, publicKey, fingerprint, createdAt: clock.now() };
  return appliedBy(await cluster.create(keySecret(namespace, key, privateKey)));
}

/** The Secret is read and judged again: what the plan saw may have been replaced, or be offered no more. */
async function importKey(action: ActionOf<"importKey">, { cluster, clock }: ApplyContext): Promise<Applied> {
  const { namespace, claim, copy } = action;
  const { selector, secretName, fingerprint } = copy;
  const source = cluster.get<"Secret">({ kind: "Secret", namespace: claim.namespace, name: secretName });
  const offer = secretOffer(source, "dkim-import", (data) => importableKey(data, fingerprint));
  if (offer.kind !== "Offered" || offer.value === undefined) return "Again";
  const { privateKey, ...half } = offer.value;
  const key = { claim, selector, ...half, createdAt: clock.now(), imported: true as const };
  return appliedBy(await cluster.create(keySecret(namespace, key, privateKey)));
}

function keySecret(namespace: string, key: PublicKey, privateKey: string): SecretObject {
  const { claim, selector } = key;
  const own = {
    namespace,
    name: keySecretName(claim, selector),
    labels: { [labels.key]: "dkim" },
    owner: tenantKey(claim.namespace, claim.name),
  };
  return ownSecret(own, encodeKeySecret(key, privateKey), true);
}

async function refreshCredential(
  { target, resourceVersion }: ActionOf<"refreshCredential">,
  { cluster, submission }: ApplyContext,
): Promise<Applied> {
  const { namespace } = target.credential;
  const secret = cluster.get<"Secret">({ kind: "Secret", namespace, name: target.secretName });
  const apiKey = secret?.data["password"] ?? "";
  if (secret?.metadata.resourceVersion !== resourceVersion || parseApiKey(apiKey) === undefined) return "Again";
  const written = await cluster.apply(applicationSecret(target, submission, apiKey, resourceVersion));
  return written === "Done" ? "Done" : "Again";
}
