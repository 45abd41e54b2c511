import fc from "fast-check";
import { expect, test } from "vitest";
import { wholeLines } from "./whole-lines.ts";

test("lines come whole and in order, however their bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme" }).filter((line) => !line.includes("\n"))),
      fc.string().filter((line) => !line.includes("\n")),
      fc.array(fc.nat(200)),
      (lines, torn, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join("") + torn);
        const seen: string[] = [];
        const splitter = wholeLines((line) => void seen.push(line));
        const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
        places.slice(1).forEach((end, i) => splitter.push(bytes.subarray(places[i], end)));
        expect(seen).toEqual(lines.map((line) => `${line.toWellFormed()}\n`));
        expect(splitter.rest()).toBe(torn.toWellFormed().length);
      },
    ),
  );
});
