import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { validateFiles } from "./validate.ts";

const good = `apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: {name: shop, namespace: team-shop}
spec:
  allowance: {plan: Pro, credits: {type: Unlimited}}
`;
const bad = `# two mistakes
${good.replace("Unlimited", "Endless")}  sendin: Enabled
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "validate-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes files and validates paths below the folder; the folder's own path is left out of what is printed. */
async function validate(
  files: Record<string, string>,
  paths: readonly string[],
  options: { json?: boolean; color?: boolean; stdin?: string } = {},
): Promise<{ code: number; out: string }> {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const lines: string[] = [];
  async function* stdin(): AsyncGenerator<string> {
    yield options.stdin ?? "";
  }
  const code = await validateFiles(
    paths.map((path) => (path === "-" ? path : join(folder, path))),
    { out: (line) => lines.push(line), json: options.json ?? false, color: options.color ?? false, stdin: stdin() },
  );
  return { code, out: lines.join("\n").replaceAll(`${folder}/`, "").replaceAll(folder, "FOLDER") };
}

describe("validate", () => {
  test("says that good files are good", async () => {
    expect(await validate({ "a.yaml": good }, ["a.yaml"])).toEqual({ code: 0, out: "1 object in 1 file, all good" });
  });

  test("says each problem with file, line, column, object and path", async () => {
    const { code, out } = await validate({ "a.yaml": bad }, ["a.yaml"]);
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      'a.yaml:6:36: RelayTenant team-shop/shop: spec.allowance.credits.type: must be one of Unlimited, Recurring, OneTime, not "Endless"',
      "a.yaml:7:3: RelayTenant team-shop/shop: spec.sendin: is not a field here; known are allowance, delivery, environments, revokedKeyIds, sending",
      "2 problems; 0 objects in 1 file good",
    ]);
  });

  test("walks folders, and finds one object in two files", async () => {
    const { code, out } = await validate(
      {
        "d/b.yml": good,
        "d/sub/a.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}',
        "d/a.yaml": good,
        "d/notes.txt": "no",
      },
      ["d"],
    );
    expect({ code, lines: out.split("\n") }).toEqual({
      code: 1,
      lines: [
        "d/b.yml:1:1: RelayTenant team-shop/shop: metadata.name: stands already in d/a.yaml, line 1, which counts; remove one",
        "1 problem; 2 objects in 3 files good",
      ],
    });
  });

  test("reads standard input", async () => {
    expect(await validate({}, ["-"], { stdin: good })).toEqual({ code: 0, out: "1 object in 1 file, all good" });
    expect(await validate({}, ["-"], { stdin: "a: [" })).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^stdin:1:\d+: not YAML/),
    });
  });

  test("prints one JSON document", async () => {
    const { code, out } = await validate(
      { "a.yaml": bad, "b.yaml": good.replace("shop", "other") },
      ["a.yaml", "b.yaml"],
      { json: true },
    );
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      files: 2,
      objects: 1,
      problems: [
        {
          file: "a.yaml",
          line: 6,
          column: 36,
          object: "RelayTenant team-shop/shop",
          path: "spec.allowance.credits.type",
          rule: "enum",
        },
        { file: "a.yaml", line: 7, rule: "unknown-field" },
      ],
    });
  });

  test.each<{ name: string; files: Record<string, string>; paths: string[]; code: number; out: RegExp }>([
    {
      name: "a file that is not there",
      files: {},
      paths: ["a.yaml"],
      code: 2,
      out: /^a\.yaml:1:1: cannot be read: ENOENT, there is no such file or folder$/m,
    },
    {
      name: "a folder without manifests",
      files: { "d/readme.txt": "" },
      paths: ["d"],
      code: 2,
      out: /^no manifests found/,
    },
    {
      name: "a file without objects",
      files: { "a.yaml": "# nothing\n" },
      paths: ["a.yaml"],
      code: 1,
      out: /^no manifests found/,
    },
    {
      name: "a good file beside one that is not there",
      files: { "a.yaml": good },
      paths: ["a.yaml", "b.yaml"],
      code: 2,
      out: /^b\.yaml:1:1: .*\n1 problem; 1 object in 2 files good$/,
    },
    { name: "a file of nonsense", files: { "a.yaml": "\u0000" }, paths: ["a.yaml"], code: 1, out: /./ },
    {
      name: "the same file twice",
      files: { "a.yaml": good },
      paths: ["a.yaml", "a.yaml"],
      code: 0,
      out: /1 file, all good/,
    },
  ])("$name", async ({ files, paths, code, out }) => {
    const result = await validate(files, paths);
    expect(result.code).toBe(code);
    expect(result.out).toMatch(out);
  });

  test("colours only when asked", async () => {
    expect((await validate({ "a.yaml": good }, ["a.yaml"], { color: true })).out).toContain("\u001B[");
    expect((await validate({ "a.yaml": good }, ["a.yaml"])).out).not.toContain("\u001B[");
  });
});

const folderOf = (kind: string): string => new URL(`../test/fixtures/manifests/${kind}/`, import.meta.url).pathname;
/** Those that a file can say: of two documents the second is an update, and a status is not its user's to write. */
const single = (kind: string): { readonly name: string; readonly path: string; readonly text: string }[] =>
  readdirSync(folderOf(kind))
    .map((name) => ({
      name,
      path: join(folderOf(kind), name),
      text: readFileSync(join(folderOf(kind), name), "utf8"),
    }))
    .filter(({ text }) => !/^---$|^# path: status/m.test(text));
const said = async (path: string): Promise<{ code: number; problems: Record<string, unknown>[] }> => {
  const lines: string[] = [];
  const code = await validateFiles([path], { out: (line) => lines.push(line), json: true, color: false });
  return { code, problems: (JSON.parse(lines.join("\n")) as { problems: Record<string, unknown>[] }).problems };
};

describe("the committed manifests", () => {
  test("are a table of at least 80 bad ones", () => {
    expect(single("bad").length).toBeGreaterThanOrEqual(80);
  });

  test.each(single("bad"))("bad/$name is refused as by the API server, with file and line", async ({ path, text }) => {
    const { code, problems } = await said(path);
    expect(code).toBe(1);
    const [wanted, rule] = [/^# path: (.*)$/m, /^# rule: (.*)$/m].map((pattern) => pattern.exec(text)?.[1]);
    expect(problems).toMatchObject([{ file: path, path: wanted, rule }]);
    const line = Number(problems[0]?.["line"]);
    expect(text.split("\n")[line - 1]?.startsWith("#")).toBe(false);
    expect(line).toBeLessThanOrEqual(text.split("\n").length);
  });

  test.each(single("good"))("good/$name is good", async ({ path }) => {
    expect(await said(path)).toEqual({ code: 0, problems: [] });
  });
});
