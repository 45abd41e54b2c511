import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { createAuthority } from "../../test/harness/control-plane-pki.ts";
import { startStubApiServer, type StubApiServer } from "../../test/harness/stub-api-server.ts";
import { openStubCluster, putTenant, type StubCluster } from "../../test/harness/stub-cluster.ts";
import { standForLead } from "../../test/harness/stub-elector.ts";
import { status } from "../../test/harness/stub-faults.ts";
import type { Elector } from "./elector.ts";

let said: string[];
beforeEach(() => {
  said = [];
});

/** A cluster and an elector that leads on it. */
async function lead(stub: StubApiServer, kubeconfig = stub.kubeconfig()): Promise<[StubCluster, Elector]> {
  putTenant(stub, "shop");
  const world = await openStubCluster({ stub, kubeconfig });
  onTestFinished(() => world.close());
  const elector = standsUntilTheEnd(world);
  await world.passUntil(() => elector.isLeading());
  return [world, elector];
}

function standsUntilTheEnd(world: StubCluster): Elector {
  const elector = standForLead(world, said);
  onTestFinished(async () => {
    let stopped = false;
    const stopping = elector.stop().finally(() => (stopped = true));
    await world.passUntil(() => stopped);
    await stopping;
  });
  return elector;
}

const renewals = (stub: StubApiServer): number => stub.count("other");

test("where the server fails for a while, a leader tries on with pauses, and stops in time", async () => {
  const stub = await startStubApiServer();
  const [world, elector] = await lead(stub);
  const before = renewals(stub);
  stub.fault = () => status(500, "InternalError");
  await world.pass(10_200, 100);
  expect([said, elector.isLeading()]).toEqual([["leading", "stopped"], false]);
  expect(renewals(stub) - before).toBeGreaterThan(2);
  expect(renewals(stub) - before).toBeLessThan(16);
  stub.fault = () => undefined;
});

test("where lists are slow, a leader keeps its Lease", async () => {
  const stub = await startStubApiServer();
  const [world, elector] = await lead(stub);
  const before = { renewals: renewals(stub), lists: stub.count("list") };
  stub.fault = async ({ verb }) => {
    if (verb === "list") await world.clock.sleep(40_000);
    return undefined;
  };
  putTenant(stub, "late");
  stub.compact();
  stub.cut("Reset");
  await world.passUntil(() => world.cluster.list("RelayTenant").length === 2);
  expect(stub.count("list") - before.lists).toBe(1);
  expect([said, elector.isLeading()]).toEqual([["leading"], true]);
  expect(renewals(stub) - before.renewals).toBeGreaterThan(15);
  expect(renewals(stub) - before.renewals).toBeLessThan(40);
});

test("where the certificate is of an authority that is not known yet, a leader stops in time, and the next one leads when it is", async () => {
  const [first, second] = [await createAuthority(), await createAuthority()];
  const stub = await startStubApiServer(await first.server(["127.0.0.1"]));
  const ca = join(stub.folder, "ca.crt");
  writeFileSync(ca, first.ca);
  const [world, elector] = await lead(stub, stub.kubeconfig({ token: "stub" }, { "certificate-authority": ca }));
  const before = { renewals: renewals(stub), connections: stub.connections() };
  stub.present(await second.server(["127.0.0.1"]));
  await world.pass(10_200, 100);
  expect([said, elector.isLeading()]).toEqual([["leading", "stopped"], false]);
  expect(renewals(stub)).toBe(before.renewals);
  await world.pass(45_000, 100);
  expect(stub.connections() - before.connections).toBeLessThan(50);
  writeFileSync(ca, second.ca);
  const next = standsUntilTheEnd(world);
  await world.passUntil(() => next.isLeading(), 61_000);
  expect([said, elector.isLeading()]).toEqual([["leading", "stopped", "leading"], false]);
});
