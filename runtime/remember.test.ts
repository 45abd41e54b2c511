import { expect, test } from "vitest";
import { remember } from "./remember.ts";

test("works once for each object, whatever comes out", () => {
  let calls = 0;
  const read = remember(({ value }: { readonly value: string | undefined }) => {
    calls += 1;
    return value;
  });
  const [one, nothing] = [{ value: "one" }, { value: undefined }];
  expect([read(one), read(nothing), read(one), read(nothing), read({ value: "one" })]).toEqual([
    "one",
    undefined,
    "one",
    undefined,
    "one",
  ]);
  expect(calls).toBe(3);
});
