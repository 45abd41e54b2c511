import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { valueSetFile, valueSets } from "../test/harness/chart.ts";
import { plainSchema, type ValuesSchema } from "./json-schema.ts";
import { chartValues } from "./values.ts";

interface Value {
  /** Like `relay.persistence.size`. */
  readonly path: string;
  readonly standard: unknown;
}

/** Every value that values.yaml documents; of the fleet file, which has a reference of its own, the whole is one. */
function valuesOf({ properties = {} }: ValuesSchema, prefix = ""): readonly Value[] {
  return Object.entries(properties).flatMap(([name, field]) =>
    field.properties !== undefined && field.default === undefined
      ? valuesOf(field, `${prefix}${name}.`)
      : [{ path: `${prefix}${name}`, standard: field.default ?? null }],
  );
}

const sets = valueSets.map((name): unknown =>
  parse(readFileSync(valueSetFile(name, "values"), "utf8"), { merge: true }),
);

function at(values: unknown, path: string): unknown {
  let here = values;
  for (const name of path.split(".")) {
    if (typeof here !== "object" || here === null) return undefined;
    here = Reflect.get(here, name);
  }
  return here;
}

/** Whether a set of values gives this one something else than its default. */
const differs = (set: unknown, { path, standard }: Value): boolean => {
  const value = at(set, path);
  return value !== undefined && !isDeepStrictEqual(value, standard);
};

test("every value that is documented differs from its default in a rendering that is kept", () => {
  const values = valuesOf(plainSchema(chartValues));
  expect(values.length).toBeGreaterThan(100);
  const asEver = values.filter((value) => !sets.some((set) => differs(set, value)));
  expect(asEver.map(({ path }) => path)).toEqual([]);
});
