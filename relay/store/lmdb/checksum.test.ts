import { describe, expect, test } from "vitest";
import { checkedBytes, checkedJson, RecordDamaged } from "./checksum.ts";

/** The record as lmdb hands it over: in a larger buffer, of which only the first `length` octets count. */
function inLargerBuffer(record: Uint8Array | string): { readonly bytes: Uint8Array; readonly length: number } {
  const row = Buffer.from(record);
  return { bytes: Buffer.concat([row, Buffer.from("left from before")]), length: row.length };
}

describe("a checked record", () => {
  test.each([[{ a: 1, text: "é \u{1f4e8}" }], [0], [""], [[]], [null]])("gives back %j", (value) => {
    const { bytes, length } = inLargerBuffer(checkedJson.encode(value));
    expect(checkedJson.decode(bytes, length)).toEqual(value);
  });

  test.each([[0], [1], [5000]])("gives back %i octets", (size) => {
    const content = Uint8Array.from({ length: size }, (_, index) => index % 256);
    const { bytes, length } = inLargerBuffer(checkedBytes.encode(content));
    expect(Uint8Array.from(checkedBytes.decode(bytes, length))).toEqual(content);
  });

  test.each([
    ["JSON", checkedJson.encode({ used: 41 }), checkedJson],
    ["octets", checkedBytes.encode(Buffer.from("used 41")), checkedBytes],
  ])("of %s is refused with any octet altered or cut off", (_, record, encoder) => {
    const whole = Buffer.from(record);
    for (let at = 0; at < whole.length; at += 1) {
      const altered = Buffer.from(whole);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => encoder.decode(altered)).toThrow(RecordDamaged);
      expect(() => encoder.decode(whole.subarray(0, at))).toThrow(RecordDamaged);
    }
  });
});
