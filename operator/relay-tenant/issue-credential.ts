import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { ObjectKey } from "../../cluster/object.ts";
import { isNotWritten, type Cluster } from "../../cluster/port.ts";
import { apiKeyId, hashSecret, issueApiKey } from "../../contract/api-key.ts";
import { credentialRecordName, labels, tenantKey } from "../../contract/names.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Action, Submission } from "../action.ts";
import { ownSecret } from "../own-objects.ts";
import { applicationSecret } from "./application-secret.ts";
import { encodeCredentialRecord, type CredentialRecord } from "./credential-record.ts";

/** A key on record. */
interface IssuedKey {
  readonly record: CredentialRecord;
  readonly place: ObjectKey<"Secret">;
  readonly apiKey: string;
  /** The version of the Secret that it was last to be written over, and when. */
  replaces?: string | undefined;
  triedAt: number;
}

/** Milliseconds for which a key may be written again: longer than the longest pause and a request that hangs. */
const rewriteWithin = 120_000;

/** What issuing keys takes. */
export interface IssueContext {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly submission: Submission;
  /** Keys whose Secret may have been written or not: nobody has said. */
  readonly unanswered: Set<IssuedKey>;
}

type Issue = Extract<Action, { kind: "issueCredential" }>;

/**
 * The record goes first: a key in an application's hands is one that the fleet knows of. A write of the Secret without an
 * answer leaves the record where it is, and the key is written again: with another each time, five lost answers would end
 * the key that applications have.
 */
export async function issueCredential(action: Issue, context: IssueContext): Promise<"Done" | "Again"> {
  const { target, replaces } = action;
  const { cluster, clock, submission, unanswered } = context;
  const unsure = findUnanswered(action, context);
  const issued = unsure ?? (await putOnRecord(action, context));
  if (issued === undefined) return "Again";
  const secret = applicationSecret(target, submission, issued.apiKey, replaces);
  unanswered.add(Object.assign(issued, { replaces, triedAt: clock.now() }));
  try {
    const written = await (replaces === undefined ? cluster.create(secret) : cluster.apply(secret));
    const isDone = written === "Created" || written === "Done";
    // What stands there instead may be what was written before.
    if (!isDone && unsure === undefined) await withdraw(issued, cluster);
    unanswered.delete(issued);
    return isDone ? "Done" : "Again";
  } catch (error) {
    if (unsure === undefined && isNotWritten(error)) {
      await withdraw(issued, cluster);
      unanswered.delete(issued);
    }
    throw error;
  }
}

/** Resolves to nothing when somebody else was first. */
async function putOnRecord(action: Issue, { cluster, clock }: IssueContext): Promise<IssuedKey | undefined> {
  const { target, namespace, serial, rotation } = action;
  const { credential, secretName } = target;
  const secret = randomBytes(32);
  const id = apiKeyId(randomBytes(12));
  const issuedAt = clock.now();
  const answers = rotation === undefined ? {} : { rotation };
  const record = { credential, secretName, serial, id, sha256: hashSecret(secret), issuedAt, ...answers };
  const name = credentialRecordName(credential, serial);
  const own = {
    namespace,
    name,
    labels: { [labels.record]: "credential" },
    owner: tenantKey(credential.namespace, credential.tenant),
  };
  if ((await cluster.create(ownSecret(own, encodeCredentialRecord(record), true))) === "AlreadyExists")
    return undefined;
  const place = { kind: "Secret", namespace, name } as const;
  return { record, place, apiKey: issueApiKey(id, secret), triedAt: issuedAt };
}

/** The key of a credential whose Secret may have been written, if all is as it was then. */
function findUnanswered({ target, replaces }: Issue, context: IssueContext): IssuedKey | undefined {
  const { cluster, clock, unanswered } = context;
  for (const issued of unanswered)
    if (issued.triedAt + rewriteWithin < clock.now() || !isOnRecord(issued, cluster)) unanswered.delete(issued);
  const { credential, secretName } = target;
  return [...unanswered].find(
    (issued) =>
      issued.record.secretName === secretName &&
      issued.replaces === replaces &&
      isDeepStrictEqual(issued.record.credential, credential),
  );
}

function isOnRecord({ record, place }: IssuedKey, cluster: Cluster): boolean {
  return cluster.get(place)?.data["id"] === record.id;
}

/**
 * Takes back a record whose key reached nobody, so that a namespace that refuses Secrets does not pile them up. Of a write in
 * several steps the first may have been done.
 */
async function withdraw(issued: IssuedKey, cluster: Cluster): Promise<void> {
  const { record, place, apiKey } = issued;
  const { namespace } = record.credential;
  const secret = cluster.get<"Secret">({ kind: "Secret", namespace, name: record.secretName });
  const { metadata } = cluster.get(place) ?? {};
  if (secret?.data["password"] === apiKey || metadata?.uid === undefined || !isOnRecord(issued, cluster)) return;
  await cluster.delete(place, metadata.uid, metadata.resourceVersion);
}
