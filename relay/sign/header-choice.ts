/**
 * Fields that are signed and closed: each instance that is there, and the name once more, so that a verifier also
 * hashes the absence of another one and nobody can add it (RFC 6376 §5.4, §8.15). They say who wrote to whom about
 * what, how the content is read, and where an unsubscription goes (RFC 8058 §4 wants both List fields signed).
 */
const closed = [
  "From",
  "To",
  "Cc",
  "Subject",
  "Date",
  "Reply-To",
  "Message-ID",
  "List-Unsubscribe",
  "List-Unsubscribe-Post",
  "Feedback-ID",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
  "Content-Disposition",
  "Content-ID",
  "Content-Description",
] as const;

/**
 * Fields that are signed where they are, and may be added on the way: a mailing list adds its own, a resender too.
 * What is in neither list is never signed: trace and transport fields (Received, Return-Path, DKIM-Signature,
 * Authentication-Results, ARC) change on the way, Bcc must not be revealed, others mean nothing to a reader.
 */
const open = [
  "Sender",
  "In-Reply-To",
  "References",
  "List-Id",
  "List-Help",
  "List-Subscribe",
  "List-Post",
  "List-Owner",
  "List-Archive",
  "Resent-Date",
  "Resent-From",
  "Resent-Sender",
  "Resent-To",
  "Resent-Cc",
  "Resent-Message-ID",
] as const;

/** What a signature covers. */
export interface HeaderChoice {
  /** The names for `h=`, in order; a closed name stands there once more than the message has it. */
  readonly names: readonly string[];
  /** Positions of the fields to hash, in the order of `names`: of one name the lowest field comes first. */
  readonly positions: readonly number[];
}

/** Chooses what to sign of a message whose fields have these lower-case names, from top to bottom. */
export function chooseHeader(present: readonly string[]): HeaderChoice {
  const byName = new Map<string, number[]>();
  for (const [position, name] of present.entries()) {
    const list = byName.get(name);
    if (list) list.unshift(position);
    else byName.set(name, [position]);
  }
  const names: string[] = [];
  const positions: number[] = [];
  function add(name: string, extra: number): void {
    const found = byName.get(name.toLowerCase()) ?? [];
    positions.push(...found);
    for (let count = found.length + extra; count > 0; count--) names.push(name);
  }
  for (const name of closed) add(name, 1);
  for (const name of open) add(name, 0);
  return { names, positions };
}
