import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keyOf, keyText } from "../cluster/object.ts";
import { decodeDomainContract, decodeTenantContract } from "../contract/codec.ts";
import { labels } from "../contract/names.ts";
import type { Condition } from "../crds/dialect.ts";
import { stories, type Story } from "../test/harness/law-arbitraries.ts";
import {
  acceptedIds,
  applyContext,
  createLawWorld,
  happen,
  look,
  owners,
  planOf,
  type LawWorld,
} from "../test/harness/law-world.ts";
import type { Action } from "./action.ts";
import { applyAction } from "./apply.ts";
import { tenantSpec } from "./custom-objects.ts";
import { reasons } from "./reasons.ts";
import type { OwnerKey } from "./relations.ts";

/** More than one object after another needs until nothing is left to do. */
const mostPasses = 12;

/** A law that is broken. vitest's own comparisons are too slow for a hundred thousand plans. */
function demand(holds: boolean, law: string, ...shown: readonly unknown[]): void {
  if (!holds) throw new Error([law, ...shown.map((each) => JSON.stringify(each))].join("\n"));
}

/** Lets the operator work until nothing is left to do, and holds the laws all the while. */
async function settle(world: LawWorld): Promise<void> {
  for (let pass = 0; pass < mostPasses; pass++) {
    let actions = 0;
    for (const key of owners) actions += await work(world, key, pass === 0);
    if (actions === 0) return checkStatuses(world);
  }
  demand(false, "does not settle", ...owners.flatMap((key) => planOf(world, key).actions.map(actionText)));
}

/** One pass for one object; how many actions were planned. */
async function work(world: LawWorld, key: OwnerKey, twice: boolean): Promise<number> {
  const plan = planOf(world, key);
  // Not in every pass: plans cost most of the time.
  const again = twice ? planOf(world, key) : plan;
  demand(isDeepStrictEqual(plan, again), `planning twice differs for ${keyText(key)}`, plan, again);
  demand(!/PRIVATE KEY|ph_[a-z0-9]{12}_|hush-/.test(JSON.stringify(plan)), "a plan holds a secret");
  for (const action of plan.actions) checkOwn(world, action);
  for (const action of plan.actions) if ((await applyAction(action, applyContext(world))) === "Again") break;
  if (plan.actions.length === 0) await writeStatus(world, key, plan.status);
  return plan.actions.length;
}

/** What Posthouse did not make is neither written nor deleted. */
function checkOwn(world: LawWorld, action: Action): void {
  if (action.kind === "create" || action.kind === "createKey" || action.kind === "importKey") return;
  if (action.kind === "copySmarthostSecret") return;
  const standing = world.cluster.get(targetOf(action));
  const foreign = standing !== undefined && standing.metadata.labels?.[labels.managedBy] !== "posthouse";
  demand(!foreign, `a plan touches what is not ours: ${actionText(action)}`);
}

function targetOf(action: Exclude<Action, { kind: "create" | "createKey" | "importKey" | "copySmarthostSecret" }>) {
  if (action.kind === "delete") return action.key;
  if (action.kind === "apply" || action.kind === "publish") return keyOf(action.object);
  return { kind: "Secret" as const, namespace: action.target.credential.namespace, name: action.target.secretName };
}

function actionText(action: Action): string {
  if (action.kind === "createKey") return `createKey ${action.selector}`;
  if (action.kind === "importKey") return `importKey ${action.copy.selector}`;
  if (action.kind === "copySmarthostSecret") return `copySmarthostSecret ${action.name}`;
  return `${action.kind} ${keyText(action.kind === "create" ? keyOf(action.object) : targetOf(action))}`;
}

/** What was written is what would be written again, and says why where it says that something cannot go on. */
function checkStatuses(world: LawWorld): void {
  for (const key of owners) {
    const object = world.cluster.get(key);
    if (object === undefined) continue;
    const { status } = planOf(world, key);
    demand(isDeepStrictEqual(status, object.status), `the status of ${keyText(key)} does not rest`, status);
    const { conditions = [] } = (status ?? {}) as { conditions?: readonly Condition[] };
    const stalled = conditions.find(({ type }) => type === "Stalled");
    demand(stalled === undefined || Object.hasOwn(reasons, stalled.reason), "an unknown reason", stalled);
  }
}

async function writeStatus({ cluster }: LawWorld, key: OwnerKey, status: unknown): Promise<void> {
  const object = cluster.get(key);
  if (object && status !== undefined) await cluster.applyStatus({ ...object, status });
}

/** Every contract can be read, no credential stands in two environments, and nothing is signed by Ed25519 alone. */
function checkContracts({ cluster }: LawWorld): void {
  for (const { metadata, data } of cluster.list("Secret")) {
    const what = metadata.labels?.[labels.contract];
    // What was altered by hand is the one that nobody may mend: the hold.
    if (what === undefined || data["contract"] === "x") continue;
    if (what === "domain") {
      const decoded = decodeDomainContract(data);
      demand("value" in decoded, "a domain contract cannot be read", decoded);
      const keys = "value" in decoded ? decoded.value.keys : [];
      demand(keys.length === 0 || keys.some(({ algorithm }) => algorithm === "RSA2048"), "Ed25519 signs alone", keys);
      continue;
    }
    const decoded = decodeTenantContract(data);
    demand("value" in decoded, "a tenant contract cannot be read", decoded);
    const environments = "value" in decoded ? decoded.value.environments : [];
    const ids = environments.flatMap(({ credentials }) => credentials.map(({ id }) => id));
    demand(new Set(ids).size === ids.length, "a credential stands in two environments", ids);
  }
}

/** Relays accept no key that is revoked. */
function checkRevocations({ cluster }: LawWorld): void {
  for (const tenant of cluster.list("RelayTenant")) {
    const accepted = new Set(acceptedIds(cluster, tenant.metadata.namespace));
    const wrong = tenantSpec(tenant).revokedKeyIds.filter((id) => accepted.has(id));
    demand(wrong.length === 0, "a revoked key is accepted", wrong);
  }
}

/** Lets a story happen and holds the laws in it. */
async function live({ there, events }: Story): Promise<void> {
  const world = createLawWorld();
  const { cluster } = world;
  for (const object of there) cluster.put(object);
  const before = there.map((object) => cluster.get(keyOf(object)));
  for (const event of events) {
    happen(world, event);
    await settle(world);
    look(world);
    world.now += 1500;
    look(world);
    await settle(world);
    checkContracts(world);
    checkRevocations(world);
  }
  const after = there.map((object) => cluster.get(keyOf(object)));
  demand(isDeepStrictEqual(after, before), "what is not ours has changed", after);
}

/** What fast-check says of a broken law, with the shortest story that breaks it; "" when none does. */
async function broken(mostEvents: number, numRuns: number): Promise<string> {
  const details = await fc.check(fc.asyncProperty(stories(mostEvents), live), { numRuns });
  return details.failed ? `${String(details.errorInstance)}\n${await fc.asyncDefaultReportMessage(details)}` : "";
}

test("the laws hold in ten thousand short stories", async () => {
  expect(await broken(2, 10_000)).toBe("");
}, 120_000);

test("the laws hold in long stories", async () => {
  expect(await broken(10, 100)).toBe("");
}, 60_000);

test("a counter-example is a short story in sentences", async () => {
  const appears = fc.asyncProperty(stories(10), async ({ events }) => {
    demand(!events.some((event) => event.kind === "domain" && event.spec !== undefined), "no domain ever appears");
  });
  const { counterexample } = await fc.check(appears, { seed: 1, numRuns: 100 });
  const text = fc.stringify(counterexample?.[0]);
  expect(text).toMatch(/^\n1\. SendingDomain a\/one is applied: \{domain: one\.example, .*\}\n$/);
});
