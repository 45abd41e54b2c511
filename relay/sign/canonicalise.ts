const TAB = 9;
const LF = 10;
const CR = 13;
const SP = 32;

/** Canonical octets are handed on in portions of this size, so that a hash is called rarely and memory stays small. */
const portion = 16 * 1024;

/**
 * The relaxed form of one header field (RFC 6376 §3.4.2), without the final CRLF. `field` is the whole field, folded
 * as it stands in the message, one character an octet (latin1), so that no octet is changed by decoding.
 */
export function relaxedField(field: string): string {
  const colon = field.indexOf(":");
  const name = field.slice(0, colon).replace(/[ \t]+$/, "");
  const value = field
    .slice(colon + 1)
    .replaceAll("\r\n", "")
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/^ | $/g, "");
  return `${name.toLowerCase()}:${value}`;
}

/**
 * The relaxed form of a body (RFC 6376 §3.4.4), written as the body comes in: white space at line ends goes, every
 * other run of it becomes one space, empty lines at the end go, and what is not empty ends in CRLF. A body without
 * any text is empty. Only CRLF ends a line: a CR or LF on its own is an octet like any other.
 */
export class RelaxedBody {
  readonly #write: (octets: Uint8Array) => void;
  readonly #out = new Uint8Array(portion);
  #filled = 0;
  #hasText = false;
  // Read, but written only if text follows: first the line ends, then white space, then a CR.
  #lineEnds = 0;
  #space = false;
  #cr = false;

  /** `write` takes the next octets of the canonical form; they are valid only during the call. */
  constructor(write: (octets: Uint8Array) => void) {
    this.#write = write;
  }

  /** The next octets of the body, cut anywhere. */
  update(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const octet = chunk[at] ?? 0;
      if (octet > SP) {
        this.#putPending();
        at = this.#copyText(chunk, at);
      } else {
        this.#takeControl(octet);
        at++;
      }
    }
  }

  /** The body is complete. */
  end(): void {
    if (this.#cr) this.#putPending();
    if (!this.#hasText) return;
    this.#put(CR);
    this.#put(LF);
    this.#write(this.#out.subarray(0, this.#filled));
  }

  #takeControl(octet: number): void {
    if (octet === LF && this.#cr) {
      this.#cr = false;
      this.#space = false;
      this.#lineEnds++;
      return;
    }
    if (this.#cr) this.#putPending();
    if (octet === CR) this.#cr = true;
    else if (octet === SP || octet === TAB) this.#space = true;
    else {
      this.#putPending();
      this.#put(octet);
    }
  }

  #putPending(): void {
    this.#hasText = true;
    for (; this.#lineEnds > 0; this.#lineEnds--) {
      this.#put(CR);
      this.#put(LF);
    }
    if (this.#space) this.#put(SP);
    if (this.#cr) this.#put(CR);
    this.#space = false;
    this.#cr = false;
  }

  #put(octet: number): void {
    if (this.#filled === portion) {
      this.#write(this.#out);
      this.#filled = 0;
    }
    this.#out[this.#filled++] = octet;
  }

  /** Copies from `start` on what no rule touches: text, and single spaces before text. Returns where it stopped. */
  #copyText(chunk: Uint8Array, start: number): number {
    const out = this.#out;
    let at = start;
    while (at < chunk.length) {
      if (this.#filled === portion) {
        this.#write(out);
        this.#filled = 0;
      }
      let filled = this.#filled;
      const stop = Math.min(chunk.length, at + portion - filled);
      let octet = chunk[at] ?? 0;
      while (at < stop && (octet > SP || (octet === SP && (chunk[at + 1] ?? 0) > SP))) {
        out[filled++] = octet;
        octet = chunk[++at] ?? 0;
      }
      this.#filled = filled;
      if (at < stop) return at;
    }
    return at;
  }
}
