import { expect, test } from "vitest";
import { gather } from "./gather.ts";

test.each([[[0]], [[1, 2, 3]], [[16_384]], [[16_383, 1, 1]], [[16_385, 0, 40_000]], [Array(20_000).fill(3)]])(
  "pieces of %j octets come back in one, in their order",
  (lengths) => {
    const gathered = gather();
    const pieces = lengths.map((length: number, i: number) => Buffer.alloc(length, i % 251));
    for (const piece of pieces) gathered.add(piece);
    expect(gathered.join().equals(Buffer.concat(pieces))).toBe(true);
    gathered.clear();
    expect(gathered.join()).toHaveLength(0);
  },
);

test("a piece is copied: neither it nor the buffer that it is a part of is held", () => {
  const gathered = gather();
  const piece = Buffer.from("abc");
  gathered.add(piece);
  piece.fill("x");
  expect(gathered.join().toString()).toBe("abc");
});
