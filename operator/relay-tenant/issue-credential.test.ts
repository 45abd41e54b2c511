import { expect, test } from "vitest";
import type { ClusterObject, ObjectKey } from "../../cluster/object.ts";
import { Refused } from "../../cluster/port.ts";
import {
  acceptedIds,
  applyContext,
  createLawWorld,
  happen,
  planOf,
  type LawWorld,
} from "../../test/harness/law-world.ts";
import { production } from "../../test/harness/planned-tenant.ts";
import { applyAction } from "../apply.ts";

const tenant = { kind: "RelayTenant", namespace: "a", name: "shop" } as const;
const place: ObjectKey<"Secret"> = { kind: "Secret", namespace: "a", name: "shop-web" };
const lost = new Error("no answer in time");

/** What becomes of the next writes of the application's Secret; then all are done. */
type Fate = "LostAfter" | "LostBefore" | "Refused";

function setUp(...fates: Fate[]) {
  const late: (() => Promise<unknown>)[] = [];
  const world = createLawWorld();
  const credits = { type: "Unlimited" } as const;
  happen(world, {
    kind: "tenant",
    namespace: "a",
    spec: {
      allowance: { plan: "Scale", credits, topUps: [], standing: "Normal" },
      sending: "Enabled",
      environments: [production],
      revokedKeyIds: [],
      delivery: { route: "Direct", tlsPolicy: "Opportunistic" },
    },
  });
  const fateful =
    <R>(write: (object: ClusterObject) => Promise<R>) =>
    async (object: ClusterObject): Promise<R> => {
      const fate = object.metadata.name === place.name ? fates.shift() : undefined;
      if (fate === "Refused") throw new Refused("no Secrets here");
      if (fate === "LostAfter") late.push(() => write(object));
      if (fate !== undefined) throw lost;
      return write(object);
    };
  const { cluster } = world;
  const create = fateful((object) => cluster.create(object));
  const apply = fateful((object) => cluster.apply(object));
  const held = new Set<string>();
  cluster.watch(["Secret"], ({ name }) => name === place.name && held.add(keyIn(world)));
  return { world, fates, late, held, context: { ...applyContext(world), cluster: { ...cluster, create, apply } } };
}

/** Works on the tenant as the operator does, until nothing is left to do; how many times that failed. */
async function settle({ world, late, context }: ReturnType<typeof setUp>): Promise<number> {
  let failures = 0;
  for (let pass = 0; pass < 20; pass++) {
    // The cluster hears of what was done only after the answer was given up.
    for (const land of late.splice(0)) await land();
    const { actions } = planOf(world, tenant);
    if (actions.length === 0) return failures;
    world.now += 1000;
    try {
      for (const action of actions) await applyAction(action, context);
    } catch {
      failures += 1;
    }
  }
  throw new Error("does not settle");
}

function keyIn({ cluster }: LawWorld): string {
  return cluster.get(place)?.data["password"]?.slice(3, 15) ?? "none";
}

function recorded({ cluster }: LawWorld): readonly string[] {
  return cluster.list("Secret").flatMap(({ data }) => (data["sha256"] === undefined ? [] : [data["id"] ?? ""]));
}

test.each<[string, Fate, number]>([
  ["whose answer was lost after it was done", "LostAfter", 1],
  ["that was lost before it was done", "LostBefore", 1],
  ["that was refused", "Refused", 1],
])("a write %s leaves one key, and no application has another", async (_, fate, failures) => {
  const given = setUp(fate);
  const { world, held } = given;
  expect(await settle(given)).toBe(failures);
  const key = [keyIn(world)];
  expect([recorded(world), acceptedIds(world.cluster, "a"), [...held]]).toEqual([key, key, key]);
});

test.each<[string, Fate, number]>([
  ["that was refused goes", "Refused", 0],
  ["whose answer was lost stays", "LostBefore", 1],
  ["whose answer was lost after it was done stays", "LostAfter", 1],
])("the record of a write %s", async (_, fate, left) => {
  const { world, context } = setUp(fate);
  for (const action of planOf(world, tenant).actions) await applyAction(action, context).catch(() => undefined);
  expect(recorded(world)).toHaveLength(left);
});

test("however many answers are lost, the key that applications have works on, and one takes its place", async () => {
  const given = setUp();
  const { world, fates } = given;
  await settle(given);
  const old = keyIn(world);
  const now = world.cluster.get(place);
  if (now) world.cluster.put({ ...now, data: { ...now.data, password: "altered" } });
  fates.push(...Array.from({ length: 8 }, (): Fate => "LostBefore"), "LostAfter");
  expect(await settle(given)).toBe(9);
  expect(keyIn(world)).not.toBe(old);
  expect(recorded(world)).toEqual([old, keyIn(world)]);
  expect(acceptedIds(world.cluster, "a").toSorted()).toEqual([old, keyIn(world)].toSorted());
});

test("a Secret that was deleted after its answer was lost gets another key", async () => {
  const given = setUp("LostAfter");
  const { world } = given;
  await settle(given);
  const first = keyIn(world);
  world.now += 180_000;
  world.cluster.remove(place);
  await settle(given);
  expect(recorded(world)).toEqual([first, keyIn(world)]);
  expect(keyIn(world)).not.toBe(first);
});
