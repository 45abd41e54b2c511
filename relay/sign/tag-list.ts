/** The tags of a DKIM-Signature field (RFC 6376 §3.5); `v=1` and `c=relaxed/relaxed` stand in each. */
export interface SignatureTags {
  /** RSA by RFC 8301, Ed25519 by RFC 8463. */
  readonly algorithm: "rsa-sha256" | "ed25519-sha256";
  /** `d=`, in A-labels. */
  readonly domain: string;
  readonly selector: string;
  /** `t=`, milliseconds since the epoch; written in whole seconds. */
  readonly signedAt: number;
  /** `h=`, in the order of hashing. */
  readonly names: readonly string[];
  /** `bh=`, base64. */
  readonly bodyHash: string;
}

/** Lines are folded before this column (RFC 5322 §2.1.1 recommends 78). */
const width = 76;
const fold = "\r\n\t";

/**
 * The field with an empty `b=` at its end, as the signature covers it, folded, without the final CRLF. There is no
 * `x=`: an expired signature would fail mail that waited in somebody's queue. There is no `l=`: it leaves room for
 * text that nobody signed.
 */
export function unsignedField(tags: SignatureTags): string {
  const names = tags.names.map((name, index) => (index === tags.names.length - 1 ? `${name};` : `${name}:`));
  const [first = ";", ...others] = names;
  const words = [
    ` a=${tags.algorithm};`,
    " c=relaxed/relaxed;",
    ` d=${tags.domain};`,
    ` s=${tags.selector};`,
    ` t=${Math.floor(tags.signedAt / 1000)};`,
    ` h=${first}`,
    ...others,
    ` bh=${tags.bodyHash};`,
  ];
  let field = "DKIM-Signature: v=1;";
  let column = field.length;
  for (const word of words) {
    if (column + word.length > width) {
      const rest = word.trimStart();
      field += fold + rest;
      column = 1 + rest.length;
    } else {
      field += word;
      column += word.length;
    }
  }
  return `${field}${fold}b=`;
}

/** The finished field with its CRLF: the signature, base64, put after `b=` of an {@link unsignedField} and folded. */
export function signedField(unsigned: string, signature: string): string {
  const lines = signature.match(/.{1,72}/g) ?? [];
  return `${unsigned}${lines.join(fold)}\r\n`;
}
