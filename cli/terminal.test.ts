import { expect, test } from "vitest";
import { palette, table } from "./terminal.ts";

test("columns are aligned and the last one is not padded", () => {
  expect(
    table([
      ["a", "bb", "c"],
      ["aaa", "b", ""],
    ]),
  ).toEqual(["a    bb  c", "aaa  b"]);
});

test("colour codes count as no width", () => {
  const { red } = palette({ color: true });
  expect(
    table([
      [red("no"), "x"],
      ["long", "y"],
    ])[0],
  ).toBe(`${red("no")}    x`);
});

test("without colour the palette leaves text as it is", () => {
  expect(palette({ color: false }).red("no")).toBe("no");
});
