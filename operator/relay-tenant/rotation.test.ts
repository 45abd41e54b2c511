import { expect, test } from "vitest";
import { parseRotateNow } from "./rotation.ts";

const credentials = new Set(["production/web", "production/worker"]);

test.each<[string | undefined, Readonly<Record<string, string>>, readonly RegExp[]]>([
  [undefined, {}, []],
  ["", {}, []],
  ["production/web=1", { "production/web": "1" }, []],
  [
    " production/web=2026-11-22T12:00:00Z , production/worker=b ",
    { "production/web": "2026-11-22T12:00:00Z", "production/worker": "b" },
    [],
  ],
  ["production/web=1,", { "production/web": "1" }, []],
  ["web=1", {}, [/"web=1" is not of that form/]],
  ["production/web", {}, [/not of that form/]],
  ["production/web=", {}, [/not of that form/]],
  ["production/web=a b", {}, [/not of that form/]],
  [`production/web=${"t".repeat(65)}`, {}, [/not of that form/]],
  ["production/wbe=1,production/web=2", { "production/web": "2" }, [/no credential production\/wbe/]],
  ["production/web=1,production/web=2", { "production/web": "1" }, [/names the credential production\/web twice/]],
])("%j", (text, tokens, problems) => {
  const found = parseRotateNow(text, credentials);
  expect(Object.fromEntries(found.tokens)).toEqual(tokens);
  expect(found.problems.map(({ message }) => message)).toEqual(
    problems.map((form) => expect.stringMatching(form) as string),
  );
});
