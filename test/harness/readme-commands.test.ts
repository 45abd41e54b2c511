import { expect, test } from "vitest";
import { readmeCommands } from "./readme-commands.ts";

test("commands of the README are read whole, of their own section only", () => {
  const commands = readmeCommands("On Kubernetes");
  expect(commands.find((command) => command.startsWith("helm install"))).toMatch(/\\\n +--set .*posthouse-tls$/);
  expect(commands.join("\n")).not.toContain("redis-server");
  expect(readmeCommands("Two commands")[0]).toMatch(/^make demo/);
});

test("a section that is not there is an error", () => {
  expect(() => readmeCommands("No such")).toThrow("no commands");
});
