import { expect, test } from "vitest";
import { ApiError } from "./api-error.ts";
import { pauseAfter } from "./pause.ts";

const askingFor = (retryAfter: number): ApiError => new ApiError("busy", { code: 503, reason: "", retryAfter });

test("a pause grows up to half a minute, and is never less than the server asks for", () => {
  const pauses = [1, 2, 6, 7, 1000].map((failures) => pauseAfter(failures, new Error("away"), () => 1));
  expect(pauses).toEqual([800, 1600, 25_600, 30_000, 30_000]);
  expect(pauseAfter(1, askingFor(20_000), () => 0)).toBe(20_000);
});

test("a pause is a minute or so where a proxy's page asks for hours", () => {
  expect(pauseAfter(1, askingFor(86_400_000), () => 1)).toBeLessThanOrEqual(72_000);
});
