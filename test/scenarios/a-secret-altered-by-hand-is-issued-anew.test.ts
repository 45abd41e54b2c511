import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tenantContractName } from "../../contract/names.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 30_000);
afterAll(() => world.close());

const secretFile = (): string => join(world.state, "objects/team-shop/Secret/shop-production-web.yaml");
const contractFile = (): string =>
  join(world.state, "objects/posthouse-system/Secret", `${tenantContractName("team-shop", "shop")}.yaml`);

/** The API key in the application Secret. */
async function apiKey(): Promise<string | undefined> {
  const text = await readFile(secretFile(), "utf8").catch(() => "");
  return /^ +password: (ph_\w+)$/m.exec(text)?.[1];
}
/** Another API key than one, once it is there. */
const keyAfter = (before: string): Promise<string> =>
  until("another key is issued", async () => {
    const key = await apiKey();
    return key === before ? undefined : key;
  });
/** Ids of the keys of the web application that the contract accepts, once there are so many. */
const accepted = (count: number): Promise<readonly string[]> =>
  until(`the contract accepts ${count} keys`, async () => {
    const text = await readFile(contractFile(), "utf8").catch(() => "");
    const json = /contract: (?:'(.+)'|(\{.+\}))$/m.exec(text);
    const { environments = [] } = JSON.parse(json?.[1] ?? json?.[2] ?? "{}") as {
      environments?: { name: string; credentials: { id: string }[] }[];
    };
    const ids = environments.find(({ name }) => name === "production")?.credentials.map(({ id }) => id);
    return ids?.length === count ? ids : undefined;
  });
const idOf = (key: string): string => key.split("_")[1] ?? "";

test("an application Secret that a hand deletes or edits is issued anew at once, and its old keys work on", async () => {
  const first = await keyAfter("");
  expect(await accepted(1)).toEqual([idOf(first)]);
  await rm(secretFile());
  const second = await keyAfter(first);
  expect(await accepted(2)).toEqual([idOf(first), idOf(second)]);
  const text = await readFile(secretFile(), "utf8");
  await writeFile(secretFile(), text.replaceAll(second, first));
  const third = await until("a third key is issued", async () => {
    const key = await apiKey();
    return key === first || key === second ? undefined : key;
  });
  expect(await accepted(3)).toEqual([idOf(first), idOf(second), idOf(third)]);
}, 60_000);

test("a contract that a hand deletes or edits is written anew at once", async () => {
  const before = await accepted(3);
  await rm(contractFile());
  expect(await accepted(3)).toEqual(before);
  const text = await readFile(contractFile(), "utf8");
  await writeFile(contractFile(), text.replace(String(before[2]), "aaaaaaaaaaaa"));
  await until("the contract is as it was", async () =>
    (await accepted(3)).join() === before.join() ? true : undefined,
  );
}, 60_000);
