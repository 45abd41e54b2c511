import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { parseSync } from "oxc-parser";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

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

/** The word after an instruction of the Dockerfile. */
function line(word: string): string | undefined {
  return new RegExp(`^${word} (.+)$`, "m").exec(dockerfile)?.[1];
}

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

  test("has the operator compiled for the options that the chart starts it with", () => {
    const [deployment] = /name: NODE_OPTIONS\n\s+value: (\S+)/.exec(text("charts/install.yaml"))?.slice(1) ?? [];
    expect(/export NODE_OPTIONS=(\S+)/.exec(dockerfile)?.[1]).toBe(deployment);
    const compiled = [...dockerfile.matchAll(/import\('\/app\/(\S+)'\)/g)].map(([, file]) => file);
    expect(compiled).toEqual(["cli/relay.ts", "cli/operator.ts"]);
    for (const file of compiled) expect(text(`${file}`)).toContain("export async function");
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
    expect(dockerfile).toContain(`ARG NODE_IMAGE=node:${devDependencies["node"]}-`);
  });
});
