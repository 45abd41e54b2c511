import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { chartEnvironment, compileAsImage, strippedBy } from "./harness/compiled.ts";
import { faultsOf, lastOf, readDockerfile } from "./harness/dockerfile.ts";

const root = new URL("..", import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), "utf8");
const dockerfile = text("Dockerfile");
const folders = [...dockerfile.matchAll(/^COPY (\w+) \.\/\1$/gm)].map(([, name = ""]) => name);
const ignored = text(".dockerignore").split("\n");
const sources = folders.flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name}`)
    .filter((name) => name.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(name) && !/port-suite/.test(name)),
);

/** What a file imports when it runs: types are not there then. */
function imports(file: string): readonly string[] {
  const { module } = parseSync(file, text(file));
  const named = module.staticImports.filter(
    ({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType),
  );
  const dynamic = module.dynamicImports.map(({ moduleRequest }) =>
    text(file).slice(moduleRequest.start + 1, moduleRequest.end - 1),
  );
  return [...named.map(({ moduleRequest }) => moduleRequest.value), ...dynamic];
}

/** These files and what they import, at their start or later. */
function reachable(files: readonly string[]): readonly string[] {
  const found = new Set(files);
  for (const file of found)
    for (const name of imports(file)) if (name.startsWith(".")) found.add(posix.join(posix.dirname(file), name));
  return [...found];
}

/** The last instruction of this word in the last stage. */
function line(word: string): string | undefined {
  const last = readDockerfile(dockerfile).stages.at(-1);
  return last && lastOf(last, word);
}

/** Whether a build gets this path of the checkout. */
const isSent = (path: string): boolean => existsSync(new URL(path, root)) && ignored.includes(`!${path}`);

/** `@a/b` of `@a/b/c`, `a` of `a/b`. */
function packageOf(name: string): string {
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Comes with the client of Kubernetes, and must be the very one that it uses. */
const broughtAlong = ["undici"];

describe("the image", () => {
  test("has every folder that is built for publishing, and lets it through", () => {
    const { include } = JSON.parse(text("tsconfig.build.json")) as { include: string[] };
    expect(folders.toSorted()).toEqual(include.toSorted());
    for (const folder of folders) expect(ignored).toContain(`!${folder}`);
  });

  test("has every package and every folder that is imported", () => {
    const { dependencies } = JSON.parse(text("package.json")) as { dependencies: Record<string, string> };
    const packages = new Set([...Object.keys(dependencies), ...broughtAlong]);
    const missing = sources.flatMap((file) =>
      imports(file)
        .filter((name) => !isBuiltin(name))
        .filter((name) =>
          name.startsWith(".")
            ? !folders.includes(new URL(name, new URL(file, "file:///")).pathname.split("/")[1] ?? "")
            : !packages.has(packageOf(name)),
        )
        .map((name) => `${file}: ${name}`),
    );
    expect(sources.length).toBeGreaterThan(200);
    expect(missing).toEqual([]);
  });

  test("has compiled whatever the program can load, late or in a worker", { timeout: 240_000 }, async () => {
    const loaded = reachable(["cli/main.ts", "cli/worker.ts"]);
    expect(loaded).toContain("cluster/kubernetes/client-node-access.ts");
    // Ends when all is loaded, before any of it runs.
    const all = ["data:text/javascript,process.exit()", ...loaded.map((file) => `./${file}`)];
    const load = all.map((name) => `import "${name}";`).join("");
    const cache = await mkdtemp(join(tmpdir(), "posthouse-compiled-"));
    try {
      await compileAsImage(cache);
      for (const component of ["operator", "relay"] as const) {
        const start = { ...chartEnvironment(component), NODE_COMPILE_CACHE: cache };
        expect(await strippedBy(["--input-type=module", "--eval", load], start)).toEqual([]);
      }
    } finally {
      await rm(cache, { recursive: true });
    }
  });

  test("begins and runs as the chart's pods expect it", () => {
    expect(JSON.parse(line("ENTRYPOINT") ?? "null")).toEqual(["node", "/app/cli/main.ts"]);
    expect(line("WORKDIR")).toBe("/app");
    expect(line("USER")).toBe("1000:1000");
    const { operator, relay } = parse(text("charts/posthouse/values.yaml")) as Record<
      string,
      { podSecurityContext: object }
    >;
    for (const component of [operator, relay])
      expect(component?.podSecurityContext).toMatchObject({ runAsUser: 1000, runAsGroup: 1000 });
  });

  test("is of the Node that the packages are tested on", () => {
    const { devDependencies } = JSON.parse(text("package.json")) as { devDependencies: Record<string, string> };
    expect(readDockerfile(dockerfile).args.get("NODE_IMAGE")).toMatch(`node:${devDependencies["node"]}-`);
  });

  test("is made in stages, each on the base of the digest given, and does not run as root", () => {
    expect(faultsOf(dockerfile, isSent)).toEqual([]);
  });

  const from = "FROM ${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}}";
  const digest = "ARG NODE_DIGEST=\n";
  const packages = /^FROM [^]*?(?=^FROM )/m;
  const copied = "COPY --from=packages /app/node_modules ./node_modules\n";
  const user = "USER 1000:1000\n";
  type Edit = readonly [old: string | RegExp, instead: string];
  const mutations: readonly [what: string, edits: readonly Edit[], faults: readonly string[]][] = [
    ["no argument for the digest", [[digest, ""]], ["no build argument NODE_DIGEST"]],
    [
      "an argument for the digest in a stage only",
      [
        [digest, ""],
        ["WORKDIR /app\n", `WORKDIR /app\n${digest}`],
      ],
      ["no build argument NODE_DIGEST"],
    ],
    ["a first stage without the digest", [[from, "FROM ${NODE_IMAGE}"]], ["a base without the digest: ${NODE_IMAGE}"]],
    ["a last stage of another base", [[`${from}\n`, "FROM node:26\n"]], ["a base without the digest: node:26"]],
    ["no first stage", [[packages, ""]], ["one stage", "copied from no stage before it: packages"]],
    [
      "no first stage, and nothing of it",
      [
        [packages, ""],
        [copied, ""],
      ],
      ["one stage"],
    ],
    ["no packages", [[copied, ""]], ["a stage for nothing: packages"]],
    [
      "packages of another stage",
      [["--from=packages", "--from=builder"]],
      ["copied from no stage before it: builder", "a stage for nothing: packages"],
    ],
    [
      "packages from another folder",
      [["packages /app/", "packages /srv/"]],
      ["not made in packages: /srv/node_modules"],
    ],
    ["packages installed once more", [[user, `RUN npm ci\n${user}`]], ["packages installed in the last stage"]],
    ["no user", [[user, ""]], ["a user who may be root: root"]],
    ["root", [[user, "USER 0:0\n"]], ["a user who may be root: 0:0"]],
    ["a user by name", [[user, "USER node\n"]], ["a user who may be root: node"]],
    ["root in the end", [["EXPOSE", "USER root\nEXPOSE"]], ["a user who may be root: root"]],
    [
      "a file that is not there",
      [["package.json LICENSE", "package.json LICENCE"]],
      ["not there to be copied: LICENCE"],
    ],
    [
      "a folder that the build does not get",
      [["COPY cli ./cli", "COPY docs ./docs"]],
      ["not there to be copied: docs"],
    ],
  ];
  test.each(mutations)("is told with %s", (_what, edits, faults) => {
    const changed = edits.reduce((before, [old, instead]) => before.replace(old, () => instead), dockerfile);
    expect(faultsOf(changed, isSent)).toEqual(faults);
  });
});
