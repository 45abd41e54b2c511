import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readmeCommands } from "./readme-commands.ts";

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("commands of the README are read whole, of their own section only", () => {
  const commands = readmeCommands("On Kubernetes");
  expect(commands.find((command) => command.startsWith("helm install"))).toMatch(/\\\n +--set .*posthouse-tls$/);
  expect(commands.join("\n")).not.toContain("redis-server");
  expect(readmeCommands("Two commands")[0]).toMatch(/^make demo/);
});

test("a section that is not there is an error", () => {
  expect(() => readmeCommands("No such")).toThrow("no commands");
});

test("what the commands for Kubernetes need is named before them", () => {
  const [, needed = ""] = /^You need (a cluster,.*?)\n\n/ms.exec(text("README.md")) ?? [];
  const programs = new Set(readmeCommands("On Kubernetes").map((command) => command.split(" ")[0] ?? ""));
  expect(programs).toContain("docker");
  for (const program of programs) expect(needed.toLowerCase()).toContain(program);
});

test("every place of the domain that is nobody's is named to those who take one of theirs", () => {
  const [advice = ""] = /^`shop\.example` is nobody's:.*?\n\n/ms.exec(text("README.md")) ?? [];
  const places = [
    "docs/examples/quickstart/domain.yaml",
    "docs/examples/quickstart/tenant.yaml",
    "docs/examples/send-job.yaml",
  ];
  const fields = places.flatMap((path) => {
    expect(advice).toContain(`](${path})`);
    return [...text(path).matchAll(/(--from|\w+)[:,] ["[]*(?:mailto:)?(?:\w+@)?shop\.example/g)].map(
      ([, field]) => field,
    );
  });
  expect(fields).toEqual(["domain", "rua", "domains", "--from"]);
  for (const field of fields) expect(advice).toContain(`\`${field}\``);
});
