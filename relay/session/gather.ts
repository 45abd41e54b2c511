/** Octets that come in pieces and are wanted in one. */
export interface Gathered {
  add(piece: Uint8Array): void;
  /** All of them, in the order in which they came. */
  join(): Buffer;
  clear(): void;
}

const blockLength = 16 * 1024;

/**
 * Copies pieces into blocks. A piece that is kept as it came costs far more memory than its octets when it is small, and
 * a client decides how small: smtp-server hands on the octets between two dots that it takes away.
 */
export function gather(): Gathered {
  const blocks: Buffer[] = [];
  let filled = blockLength;
  return {
    add(piece) {
      for (let at = 0; at < piece.length;) {
        if (filled === blockLength) {
          blocks.push(Buffer.allocUnsafeSlow(blockLength));
          filled = 0;
        }
        const taken = piece.subarray(at, at + blockLength - filled);
        blocks.at(-1)?.set(taken, filled);
        filled += taken.length;
        at += taken.length;
      }
    },
    join: () => Buffer.concat(blocks, blocks.length * blockLength - (blockLength - filled)),
    clear() {
      blocks.length = 0;
      filled = blockLength;
    },
  };
}
