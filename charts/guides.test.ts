import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { chartFolder, helm, objectsOf, renderChart } from "../test/harness/chart.ts";
import { readmeCommands } from "../test/harness/readme-commands.ts";
import { writeBundle } from "./generate.ts";

test.each(["README.md", "charts/posthouse/README.md"])("the first install of %s names an image to pull", (file) => {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
  const installs = [...text.matchAll(/^\$ (helm install (?:.*\\\n)*.*)$/gm)].map(([, command]) => command);
  expect(installs).toEqual([expect.stringContaining(" --set image.repository=registry.example.net/posthouse")]);
});

/** Names of what clients and volumes find a relay by. */
const relays = (rendering: string): readonly string[] =>
  objectsOf(rendering)
    .filter(({ kind }) => kind === "StatefulSet" || kind === "Service")
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`);

test("a release of another name finds the volume and the Service of before, installed as the guide says", async () => {
  const before = relays((await renderChart({})).stdout);
  expect(before).toContain("StatefulSet posthouse-system/posthouse-relay");
  const install = readmeCommands("Install again", "docs/guides/upgrade.md").find((each) => each.startsWith("helm "));
  const args = (install ?? "")
    .replace(/^helm install /, "")
    .replace(" --values values.yaml", "")
    .replace(" --wait", "");
  const { stdout } = await helm(["template", ...args.replace("charts/posthouse", chartFolder).split(" ")]);
  expect(stdout).toContain("app.kubernetes.io/instance: mail");
  expect(relays(stdout)).toEqual(before);
});

test("a generation without Helm says that install.yaml stays as it was", () => {
  const said: string[] = [];
  writeBundle(undefined, (message) => said.push(message));
  expect(said.join("\n")).toMatch(/install\.yaml stays as it was.*Helm 4/);
});
