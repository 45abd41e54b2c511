import { expect, test, vi } from "vitest";
import { isThere } from "./needed.ts";

test("what is there is not told of", () => {
  expect(isThere("no Lua is here", true, { CI: "true" })).toBe(true);
});

test("what is not there is told of", () => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(isThere("no Lua is here", false, {})).toBe(false);
  expect(said).toHaveBeenCalledWith("tests are skipped: no Lua is here\n");
  said.mockRestore();
});

test("where CI=true nothing is skipped", () => {
  expect(() => isThere("no Lua is here", false, { CI: "true" })).toThrow(/^no Lua is here, and with CI=true/);
});
