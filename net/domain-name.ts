/**
 * Whether `text` is a domain name as it may be asked for: at most 253 octets, labels of 1 to 63 letters, digits,
 * hyphens and underscores (RFC 1035 §2.3.4, RFC 8552), no trailing dot. Lower or upper case.
 */
export function isDomainName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i.test(text);
}

/**
 * Whether `text` can be the name of a host: a domain name of two labels or more without underscores, whose last label
 * is not a number, so that it can never be mistaken for an address (RFC 1123 §2.1).
 */
export function isHostName(text: string): boolean {
  return (
    isDomainName(text) &&
    /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(text) &&
    !/\.[0-9]+$/.test(text)
  );
}

/** A name as it is compared: lower case, no trailing dot; "" for the root. */
export function normaliseName(name: string): string {
  return name.replace(/\.$/, "").toLowerCase();
}
