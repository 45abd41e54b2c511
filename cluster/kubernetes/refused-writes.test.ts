import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { startStubApiServer, type StubApiServer } from "../../test/harness/stub-api-server.ts";
import { type Fault, status } from "../../test/harness/stub-faults.ts";
import { openStubCluster, putTenant, tenantKey, type StubCluster } from "../../test/harness/stub-cluster.ts";
import { standForLead } from "../../test/harness/stub-elector.ts";
import type { ConfigMapObject } from "../object.ts";
import { isNotWritten } from "../port.ts";
import { objectPath } from "./resources.ts";

const record = (name: string, text: string): ConfigMapObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "posthouse-system", labels: { "app.kubernetes.io/managed-by": "posthouse" } },
  data: { text },
});

let stub: StubApiServer;
let world: StubCluster;
/** Methods of the writes that arrived. */
let writes: string[];
/** What happens to the next write. */
let refusal: Fault | undefined;
let validToken: string;
const token = (text: string): void => writeFileSync(join(stub.folder, "token"), text);
beforeEach(async () => {
  stub = await startStubApiServer();
  token("first");
  [writes, refusal, validToken] = [[], undefined, "first"];
  stub.fault = ({ verb, method, headers }) => {
    const isWrite = verb === "create" || verb === "other";
    if (isWrite) writes.push(method);
    if (isWrite && headers.authorization !== `Bearer ${validToken}`) return status(401, "Unauthorized");
    const answer = isWrite ? refusal : undefined;
    if (isWrite) refusal = undefined;
    return answer;
  };
  const user = { "auth-provider": { name: "tokenFile", config: { tokenFile: join(stub.folder, "token") } } };
  world = await openStubCluster({ stub, kubeconfig: stub.kubeconfig(user), kinds: ["ConfigMap"] });
});
afterEach(() => world.close());

/** What becomes of a promise, and how long it took by the clock. */
async function outcome<T>(promise: Promise<T>): Promise<{ readonly took: number; readonly value: T }> {
  let settled = false;
  const settle = (): void => void (settled = true);
  promise.then(settle, settle);
  const took = await world.passUntil(() => settled);
  return { took, value: await promise };
}

const expires = (): void => {
  validToken = `after-${validToken}`;
  token(validToken);
};
const asksForPatience = (): void => void (refusal = status(429, "TooManyRequests", { "retry-after": "3" }));

describe.each([
  ["the server asks for patience once", asksForPatience, 3000],
  ["the token has expired and was replaced", expires, 0],
] as const)("where %s", (_what, happens, pause) => {
  test("a creation and an apply are sent twice, and done once", async () => {
    happens();
    const created = await outcome(world.cluster.create(record("history", "one")));
    expect(created.value).toBe("Created");
    expect(created.took).toBeGreaterThanOrEqual(pause);
    expect(writes).toEqual(["POST", "POST"]);
    happens();
    const applied = await outcome(world.cluster.apply(record("history", "two")));
    expect(applied.value).toBe("Done");
    expect(applied.took).toBeGreaterThanOrEqual(pause);
    expect(writes).toEqual(["POST", "POST", "PATCH", "PATCH"]);
    expect(world.cluster.get({ kind: "ConfigMap", namespace: "posthouse-system", name: "history" })).toMatchObject({
      data: { text: "two" },
    });
  });

  test("a Lease is taken, and kept", async () => {
    const said: string[] = [];
    happens();
    const elector = standForLead(world, said);
    await world.passUntil(() => said.length > 0);
    expect(writes).toEqual(["POST", "POST"]);
    writes.length = 0;
    happens();
    await world.pass(20_000, 100);
    expect([said, elector.isLeading()]).toEqual([["leading"], true]);
    expect(new Set(writes)).toEqual(new Set(["PUT"]));
    expect(writes.length).toBeLessThan(13);
    await outcome(elector.stop());
  });
});

describe("where the token has expired and there is no other", () => {
  test("a write is refused after one request", async () => {
    validToken = "second";
    await expect(outcome(world.cluster.create(record("history", "one")))).rejects.toMatchObject({ code: 401 });
    expect(writes).toEqual(["POST"]);
  });

  test("a leader tries on as often as ever, and stops in time", async () => {
    const said: string[] = [];
    const elector = standForLead(world, said);
    await world.passUntil(() => said.length > 0);
    writes.length = 0;
    validToken = "second";
    await world.pass(10_200, 100);
    expect([said, elector.isLeading()]).toEqual([["leading", "stopped"], false]);
    expect(writes.length).toBeLessThan(8);
    await outcome(elector.stop());
  });
});

describe("a status that the server refuses as a conflict", () => {
  const key = tenantKey("shop");
  /** Writes a status; `meanwhile` happens before the server answers with a conflict. */
  async function conflict(meanwhile: (other: StubCluster) => Promise<void>): Promise<void> {
    const other = await openStubCluster();
    onTestFinished(() => other.close());
    putTenant(other.stub, key.name);
    await other.passUntil(() => other.cluster.get(key) !== undefined);
    const tenant = other.cluster.get(key)!;
    other.stub.fault = async ({ path }) => {
      if (!path.endsWith("/status")) return undefined;
      await meanwhile(other);
      return status(409, "Conflict");
    };
    await other.cluster.applyStatus({ ...tenant, status: { observedGeneration: 1 } });
  }

  test("is an error while the object is the same", async () => {
    await expect(conflict(async () => undefined)).rejects.toMatchObject({ code: 409 });
  });

  test("is of no use any more when the object is another one by now", async () => {
    await conflict(async ({ stub: server, cluster }) => {
      const { uid } = cluster.get(key)?.metadata ?? {};
      server.remove(objectPath(key));
      putTenant(server, key.name);
      const isSeen = (): void => expect([undefined, uid]).not.toContain(cluster.get(key)?.metadata.uid);
      await vi.waitFor(isSeen, { timeout: 20_000, interval: 5 });
    });
  });
});

const hook = status(500, 'failed calling webhook "secrets.example": connection refused');

test.each<[string, boolean, Fault]>([
  ["what is forbidden", true, status(403, "Forbidden")],
  ["what the server will never take", true, status(422, "Invalid")],
  ["what a webhook did not answer for", true, hook],
  ["what a server did not find time for", false, status(504, "Timeout")],
  ["what a proxy gave up", false, { code: 502, body: "Bad Gateway" }],
  ["what was cut off", false, "Reset"],
])("%s is not written for certain: %s", async (_, isCertain, fault) => {
  refusal = fault;
  const failed = world.cluster.create(record("history", "one")).catch((error: unknown) => error);
  expect(isNotWritten((await outcome(failed)).value)).toBe(isCertain);
});
