import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { breaches } from "./harness/house.ts";

const root = new URL("..", import.meta.url);
const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "--", "*.ts"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(new URL(file, root)));

describe("the arrows of the house", () => {
  test("hold in every file", () => {
    expect(files.length).toBeGreaterThan(50);
    const all = files.flatMap((file) => breaches(file, readFileSync(new URL(file, root), "utf8")));
    expect(all).toEqual([]);
  });

  const planted: readonly [what: string, file: string, source: string, message: RegExp][] = [
    [
      "operator imports relay",
      "operator/a.ts",
      'import { x } from "../relay/b.ts";',
      /operator\/ must not import relay\//,
    ],
    [
      "relay imports operator",
      "relay/s/a.ts",
      'import type { X } from "../../operator/b.ts";',
      /must not import operator\//,
    ],
    ["relay imports operator later", "relay/a.ts", 'export const f = () => import("../operator/b.ts");', /operator\//],
    [
      "a type is imported inline",
      "relay/a.ts",
      'export type X = import("../operator/b.ts").X;',
      /must not import operator/,
    ],
    ["a dynamic import hides its name", "relay/a.ts", "export const f = (p: string) => import(p);", /names its file/],
    ["cluster imports contract", "cluster/a.ts", 'import { x } from "../contract/b.ts";', /cluster\/ must not/],
    ["contract imports cluster", "contract/a.ts", 'import { x } from "../cluster/b.ts";', /contract\/ must not/],
    ["net imports crds", "net/a.ts", 'import { x } from "../crds/b.ts";', /net\/ must not import crds\//],
    ["crds imports runtime", "crds/a.ts", 'import { x } from "../runtime/clock.ts";', /crds\/ must not/],
    ["runtime imports net", "runtime/a.ts", 'import { x } from "../net/b.ts";', /runtime\/ must not/],
    [
      "a floor imports the front door",
      "relay/a.ts",
      'import { x } from "../cli/main.ts";',
      /relay\/ must not import cli\//,
    ],
    ["code imports a test", "relay/a.ts", 'import { x } from "../test/harness/b.ts";', /only tests load tests/],
    ["an import without ending", "relay/a.ts", 'import { x } from "./b";', /end in \.ts/],
    ["a barrel", "relay/a.ts", 'export { x } from "./b.ts";', /no barrels/],
    ["a whole barrel", "relay/a.ts", 'export * from "./b.ts";', /no barrels/],
    ["new Date()", "relay/a.ts", "export const x = () => new Date();", /without argument/],
    ["Date()", "relay/a.ts", "export const x = () => Date();", /Date\(\)/],
    ["Date.now", "net/a.ts", "export const x = Date.now;", /Date\.now/],
    ["now taken out of Date", "net/a.ts", "const { now } = Date; export { now };", /taken out of Date/],
    ["Date['now']", "net/a.ts", 'export const x = () => Date["now"]();', /Date\.now/],
    ["performance.now", "relay/a.ts", "export const x = () => performance.now();", /performance\.now/],
    ["Math.random", "operator/a.ts", "export const x = () => Math.random();", /Math\.random/],
    ["a global timer", "relay/a.ts", "setTimeout(() => undefined, 1);", /setTimeout/],
    [
      "a timer through globalThis",
      "relay/a.ts",
      "globalThis.setTimeout(() => undefined, 1);",
      /globalThis\.setTimeout/,
    ],
    [
      "timers/promises",
      "relay/a.ts",
      'import { setTimeout as sleep } from "node:timers/promises";',
      /timers\/promises/,
    ],
    ["the environment", "operator/a.ts", "export const x = process.env.HOME;", /process/],
    ["node:process", "operator/a.ts", 'import { env } from "node:process";', /node:process/],
    ["a base class", "relay/a.ts", "class A {} export class B extends A {}", /no base classes/],
  ];
  test.each(planted)("are broken when %s", (_what, file, source, message) => {
    expect(
      breaches(file, source)
        .map((breach) => breach.message)
        .join("\n"),
    ).toMatch(message);
  });

  const allowed: readonly [what: string, file: string, source: string][] = [
    ["cli composes", "cli/up.ts", 'import { x } from "../relay/b.ts"; import { y } from "../operator/b.ts";'],
    ["runtime holds the clock", "runtime/clock.ts", "export const now = () => Date.now();"],
    ["errors extend Error", "relay/a.ts", "export class Full extends Error {}"],
    ["a date of a value", "relay/a.ts", "export const x = (now: number) => new Date(now);"],
    [
      "a variable is named like a member of every object",
      "relay/a.ts",
      "export const x = (valueOf: string) => valueOf.length;",
    ],
    ["tests use the harness", "relay/a.test.ts", 'import { x } from "../test/harness/b.ts";'],
  ];
  test.each(allowed)("hold when %s", (_what, file, source) => {
    expect(breaches(file, source)).toEqual([]);
  });
});
