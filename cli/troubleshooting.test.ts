import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { reasons, type ReasonEntry } from "../operator/reasons.ts";
import { troubleshootingGuide } from "./troubleshooting.ts";

const operator = new URL("../operator/", import.meta.url).pathname;
const sources = readdirSync(operator, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "reasons.ts")
  .map((name) => ({ name, text: readFileSync(join(operator, name), "utf8") }));

/** The reasons that a source makes problems of. */
function used(text: string): readonly string[] {
  return [...text.matchAll(/\bproblem\(\s*"(\w+)"/g)].map(([, reason = ""]) => reason);
}

describe("the guide to every reason", () => {
  test("is what npm run generate writes", () => {
    const committed = readFileSync(new URL("../docs/guides/troubleshooting.md", import.meta.url), "utf8");
    expect(committed).toBe(troubleshootingGuide());
  });

  test.each(Object.entries<ReasonEntry>(reasons))("%s has an entry that helps", (reason, entry) => {
    expect(troubleshootingGuide()).toContain(`### ${reason}\n\n${entry.means}\n\n${entry.remedy}`);
    for (const text of [entry.means, entry.remedy]) expect(text).toMatch(/^[A-Z].*\.$/);
    expect(entry.command).toMatch(/^(kubectl|posthouse|dig) /);
  });
});

describe("the table of reasons", () => {
  test("has every reason that is used", () => {
    const unknown = sources.flatMap(({ name, text }) =>
      used(text)
        .filter((reason) => !Object.hasOwn(reasons, reason))
        .map((reason) => `${name}: ${reason}`),
    );
    expect(unknown).toEqual([]);
  });

  test("has no reason that nothing uses", () => {
    const everything = sources.map(({ text }) => text).join("\n");
    expect(Object.keys(reasons).filter((reason) => !everything.includes(`"${reason}"`))).toEqual([]);
  });

  test("is the only place where a problem is made", () => {
    const made = sources.filter(({ text }) => /kind: "(Stalled|Waiting)"/.test(text)).map(({ name }) => name);
    expect(made).toEqual([]);
  });
});
