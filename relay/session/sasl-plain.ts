/** What an AUTH PLAIN response holds (RFC 4616 §2). */
export interface PlainResponse {
  readonly username: string;
  readonly password: string;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Reads an AUTH PLAIN response in base64. Undefined when it is not base64, not UTF-8, not of three parts, or holds
 * control characters. An authorization identity must be empty or the user itself: nobody acts for another here.
 * Some clients put the user name into the first part only; that is accepted.
 */
export function parsePlain(text: string): PlainResponse | undefined {
  const parts = decode(text)?.split("\u0000") ?? [];
  const [authorization = "", authentication = "", password = ""] = parts;
  const username = authentication === "" ? authorization : authentication;
  if (parts.length !== 3 || username === "" || hasControls(username + password)) return undefined;
  if (authorization !== "" && authorization !== username) return undefined;
  return { username, password };
}

function hasControls(text: string): boolean {
  // oxlint-disable-next-line eslint/no-control-regex -- control characters are what it looks for
  return /[\u0000-\u001f\u007f-\u009f]/.test(text);
}

function decode(text: string): string | undefined {
  if (!base64.test(text)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, "base64"));
  } catch {
    return undefined;
  }
}
