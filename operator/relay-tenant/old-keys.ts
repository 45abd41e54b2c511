import type { Condition } from "../../crds/dialect.ts";
import type { Finding } from "../conditions.ts";
import { info, warn, type Note } from "../plan.ts";
import { credentialText } from "./application-secret.ts";
import type { CredentialOutcome } from "./credentials.ts";
import { outlivesOverlap } from "./key-life.ts";

/** A replaced key that works although its overlap is over. */
export interface KeptKey {
  readonly id: string;
  /** `<environment>/<credential>`. */
  readonly credential: string;
  readonly why: string;
}

/** The reason by which a condition and notes tell of such keys. */
export const oldKeyInUse = "OldKeyInUse";

const advice = "Restart what still uses it with the Secret as it is now, or add its id to spec.revokedKeyIds.";

/** Old keys that are kept after their overlap, so that no application is cut off; by credential, oldest first. */
export function keptKeys(outcomes: readonly CredentialOutcome[], now: number): readonly KeptKey[] {
  return outcomes.flatMap(({ target, keys }) =>
    keys
      .filter(({ life }) => outlivesOverlap(life, now))
      .map(({ record: { id }, life }) => {
        const why = life.kind === "Unknown" ? "nobody can be asked whether it is in use" : "it is still in use";
        return { id, credential: credentialText(target), why };
      }),
  );
}

/** What the condition CredentialsReady says of kept keys; undefined when there is none. */
export function keptFinding(kept: readonly KeptKey[], issued: string): Finding | undefined {
  if (kept.length === 0) return undefined;
  const listed = kept.map(({ id, credential, why }) => `${id} of ${credential} (${why})`).join(", ");
  const message = `${issued} Old keys are kept after their overlap: ${listed}. ${advice}`;
  return { status: "True", reason: oldKeyInUse, message };
}

/** What to say of kept keys: of each once, when no condition has told of it yet, and once that there is none any more. */
export function keptNotes(before: readonly Condition[], kept: readonly KeptKey[]): readonly Note[] {
  const told = before.find(({ reason }) => reason === oldKeyInUse);
  const fresh = kept.filter(({ id }) => told?.message.includes(id) !== true);
  const notes = fresh.map(({ id, credential, why }) =>
    warn(oldKeyInUse, `The key ${id} of ${credential} was replaced and works on after its overlap: ${why}. ${advice}`),
  );
  if (told === undefined || kept.length > 0) return notes;
  return [info("OldKeysEnded", "No replaced key works after its overlap any more.")];
}
