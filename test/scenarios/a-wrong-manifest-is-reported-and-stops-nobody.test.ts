import { afterAll, beforeAll, expect, test } from "vitest";
import { readCredential, sendMail, type Credential } from "../harness/application.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;
let staging: Credential;
beforeAll(async () => {
  world = await startWorld();
  staging = await until("a credential", () => readCredential(world, "shop-staging-web").catch(() => undefined));
});
afterAll(() => world.close());

interface Report {
  readonly msg?: string;
  readonly problem?: { readonly file: string; readonly line: number; readonly path: string; readonly message: string };
}

/** Log lines of the cluster since `from`. */
function reports(from: number): readonly Report[] {
  const lines = world.relay().output().slice(from).split("\n");
  return lines.filter((line) => line.includes('"part":"cluster"')).map((line) => JSON.parse(line) as Report);
}

interface Mistake {
  readonly what: string;
  /** Text of tenant.yaml that the mistake stands in for. */
  readonly good: string;
  readonly bad: string;
  readonly path?: string;
}

const mistakes: readonly Mistake[] = [
  { what: "broken YAML", good: "environments:", bad: "environments: [" },
  { what: "an unknown field", good: "mode: Capture", bad: "mood: Capture", path: "spec.environments[1].mood" },
  { what: "a wrong word", good: "mode: Capture", bad: "mode: Catch", path: "spec.environments[1].mode" },
  { what: "a broken rule", good: "amount: 12000, ", bad: "", path: "spec.allowance.credits" },
];

test.each(mistakes)(
  "a manifest with $what is reported with its line, and its last good object goes on",
  async (mistake) => {
    const before = world.relay().output().length;
    let line = 0;
    let text = "";
    await world.editTenant((current) => {
      text = current;
      line = text.slice(0, text.indexOf(mistake.good)).split("\n").length;
      return text.replace(mistake.good, mistake.bad);
    });
    const { problem } = await until("a report", async () => reports(before).find((report) => report.problem));
    expect(problem).toMatchObject({ file: "tenant.yaml", ...(mistake.path && { line, path: mistake.path }) });
    expect(problem?.line).toBeGreaterThanOrEqual(line);

    const message = { from: "orders@shop.example", to: "anna@friend.example", subject: "Still good" };
    const door = { port: world.ports.startTls, implicitTls: false };
    expect(await sendMail(staging, message, door)).toMatchObject({ accepted: true });

    await world.editTenant(() => text);
    await until("it is good again", async () =>
      reports(before).find((report) => report.msg?.includes("all good again")),
    );
  },
);
