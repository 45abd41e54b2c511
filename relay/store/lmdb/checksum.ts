import { crc32 } from "node:zlib";

/** A record whose checksum does not fit: the disk or the file system altered it. Holds nothing of the record. */
export class RecordDamaged extends Error {
  override readonly name = "RecordDamaged";
}

/** What lmdb calls to write and read the values of a table. */
export interface Encoder<T> {
  encode(value: T): Uint8Array | string;
  decode(bytes: Uint8Array, length?: number): T;
}

const digits = 8;
const octets = 4;

/** JSON behind the CRC-32 of itself in eight hexadecimal digits: a dump of the file can be read. */
export const checkedJson: Encoder<unknown> = {
  encode(value) {
    const text = JSON.stringify(value);
    return checksumOf(text) + text;
  },
  decode(bytes, length) {
    const row = Buffer.from(bytes.buffer, bytes.byteOffset, length ?? bytes.length).toString();
    const text = row.slice(digits);
    if (row.slice(0, digits) !== checksumOf(text)) throw new RecordDamaged("a record is damaged");
    return JSON.parse(text);
  },
};

/** Octets behind their CRC-32. `decode` returns a copy. */
export const checkedBytes: Encoder<Uint8Array> = {
  encode(content) {
    const row = Buffer.allocUnsafe(octets + content.length);
    row.writeUInt32BE(crc32(content));
    row.set(content, octets);
    return row;
  },
  decode(bytes, length) {
    const row = Buffer.from(bytes.buffer, bytes.byteOffset, length ?? bytes.length);
    const content = Buffer.from(row.subarray(octets));
    if (row.length < octets || row.readUInt32BE() !== crc32(content)) throw new RecordDamaged("a record is damaged");
    return content;
  },
};

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(digits, "0");
}
