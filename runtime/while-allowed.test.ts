import { expect, test } from "vitest";
import { nextTurn } from "./turn.ts";
import { whileAllowed } from "./while-allowed.ts";

test("what is not waited for, because it may not be, fails unheard", async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown): void => void unheard.push(error);
  process.on("unhandledRejection", hear);
  const stopped = AbortSignal.abort(new Error("stopped"));
  await expect(whileAllowed(Promise.reject(new Error("no credentials")), stopped)).rejects.toThrow("stopped");
  await nextTurn();
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
});
