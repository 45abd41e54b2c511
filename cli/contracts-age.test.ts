import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { Api, ApiRequest } from "../cluster/kubernetes/api.ts";
import { openKubernetes } from "../cluster/kubernetes/kubernetes.ts";
import { longestContractsAge } from "../relay/decision/contracts-age.ts";
import { contractsAgeMetric } from "../relay/directory/contracts-age-metric.ts";
import { createLogger } from "../runtime/log.ts";
import { createManualClock } from "../test/harness/manual-clock.ts";
import { testSubmission } from "../test/harness/submission.ts";
import { readinessOf } from "./admin.ts";

const hour = 3_600_000;
const log = createLogger({ level: "fatal", destination: { write: () => undefined } });
const condition = () => Promise.resolve({ refuses: undefined, durability: "Verified" as const });

/** An API server that lists nothing, and can go away. */
function emptyServer() {
  const server = { isAway: false, bookmark: (): void => undefined };
  const api: Api = {
    async request() {
      if (server.isAway) throw new Error("ECONNREFUSED");
      return { items: [], metadata: { resourceVersion: "1" } };
    },
    stream({ signal }: ApiRequest, onLine) {
      if (server.isAway) return Promise.reject(new Error("ECONNREFUSED"));
      server.bookmark = () => onLine({ type: "BOOKMARK", object: { metadata: { resourceVersion: "2" } } });
      return new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(new Error("stopped"))));
    },
    close: () => Promise.resolve(),
  };
  return Object.assign(server, { api });
}

test("a relay works on for seven days without the API server, and then takes no new mail until it is heard again", async () => {
  const clock = createManualClock(Date.parse("2026-11-22T12:00:00Z"));
  const server = emptyServer();
  const options = { api: server.api, clock, log, random: () => 1, contractNamespace: "posthouse-system" };
  const cluster = await openKubernetes({
    ...options,
    scope: { kind: "Namespaces", namespaces: [] },
    kinds: ["Secret"],
  });
  const age = (): number => cluster.age();
  const metrics = new Registry();
  contractsAgeMetric(metrics, age);
  const readiness = readinessOf(condition, age);
  const stops: (() => Promise<void>)[] = [];
  const relay = await testSubmission((stop) => stops.push(stop));
  const client = await relay.login();
  const mail = async (): Promise<string> => {
    relay.contractsAge = age();
    const reply = await client.say("MAIL FROM:<a@shop.example>");
    await client.say("RSET");
    return reply;
  };
  expect(await readiness()).toEqual({ ready: true, reasons: [], notes: ["durability: Verified"] });

  await clock.advance(6 * 24 * hour);
  expect(await readiness()).toEqual({
    ready: true,
    reasons: [],
    notes: ["durability: Verified", "the API server was last heard of 144h ago, and so were contracts and keys"],
  });
  expect(await mail()).toMatch(/^250/);
  await clock.advance(longestContractsAge - 6 * 24 * hour);
  expect(await mail()).toMatch(/^250/);

  await clock.advance(1);
  expect(await mail()).toMatch(/^451 4\.3\.0/);
  expect(await readiness()).toEqual({
    ready: false,
    reasons: ["the API server was last heard of 168h1m ago, and so were contracts and keys: no new mail is taken"],
    notes: ["durability: Verified"],
  });
  expect(await metrics.metrics()).toMatch(/^posthouse_contracts_age_seconds 604800(\.001)?$/m);

  server.bookmark();
  expect(await mail()).toMatch(/^250/);
  expect(await readiness()).toMatchObject({ ready: true });
  await cluster.close();
  for (const stop of stops) await stop();
});
