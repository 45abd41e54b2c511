import { expect, test } from "vitest";
import { ApiError } from "./api-error.ts";
import { pauseAfter } from "./pause.ts";

const askingFor = (retryAfter: number): ApiError => new ApiError("busy", { code: 503, reason: "", retryAfter });
const pauses = (random: number): readonly number[] =>
  [1, 2, 6, 7, 1000].map((failures) => pauseAfter(failures, new Error("away"), () => random));

test("a pause grows up to half a minute, half of it by chance, and is never less than the server asks for", () => {
  expect(pauses(1)).toEqual([800, 1600, 25_600, 30_000, 30_000]);
  expect(pauses(0)).toEqual([400, 800, 12_800, 15_000, 15_000]);
  expect(pauseAfter(1, askingFor(20_000), () => 0)).toBe(20_000);
});

test("a pause is a minute or so where a proxy's page asks for hours", () => {
  expect(pauseAfter(1, askingFor(86_400_000), () => 1)).toBeLessThanOrEqual(72_000);
});
