import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { shareStrings } from "./shared-strings.ts";

const text = JSON.stringify({
  conditions: [{ type: "Ready", status: "True", message: "Everything that Posthouse must do is done, and done well." }],
  keys: { nothing: null, count: 1 },
});

test("an object says the same afterwards", () => {
  const share = shareStrings(1);
  for (let round = 0; round < 3; round++) {
    const object: unknown = JSON.parse(text);
    share(object as object);
    expect(object).toEqual(JSON.parse(text));
  }
});

/** Octets that so many objects which were read take. */
function room(each: (object: object) => void): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const objects = Array.from({ length: 20_000 }, (_, number) => {
    const object = JSON.parse(text.replace("well", `well ${number % 10}`)) as { conditions: unknown[] };
    each(object);
    return object.conditions;
  });
  collect();
  const after = process.memoryUsage().heapUsed;
  expect(objects).toHaveLength(20_000);
  return after - before;
}

test("objects that say the same hold each text once", () => {
  const apart = room(() => undefined);
  const shared = room(shareStrings(100));
  // A message takes 80 octets, its object and the list as many again.
  expect(apart - shared).toBeGreaterThan(20_000 * 70);
});
