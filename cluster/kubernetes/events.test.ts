import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createManualClock } from "../../test/harness/manual-clock.ts";
import { ApiError } from "./api-error.ts";
import type { ApiRequest } from "./api.ts";
import type { Happening } from "./event-book.ts";
import { createRecorder } from "./events.ts";

const happening = (more: Partial<Happening> = {}, name = "shop"): Happening => ({
  regarding: { apiVersion: "posthouse.dev/v1alpha1", kind: "RelayTenant", namespace: "team", name, uid: "u-1" },
  type: "Warning",
  reason: "CreditsLow",
  action: "ReportStatus",
  note: "Few credits are left.",
  ...more,
});

function world(answer: (request: ApiRequest) => unknown = () => ({})) {
  const clock = createManualClock(Date.UTC(2026, 10, 1));
  const requests: ApiRequest[] = [];
  const metrics = new Registry();
  const recorder = createRecorder({
    api: {
      request(request) {
        requests.push(request);
        return Promise.resolve(request).then(answer);
      },
    },
    controller: "posthouse.dev/operator",
    instance: "posthouse-operator-1_0a",
    clock,
    log: pino({ level: "silent" }),
    metrics,
  });
  const counted = async (why: string): Promise<number> => {
    const { values = [] } = (await metrics.getSingleMetric("posthouse_events_dropped_total")?.get()) ?? {};
    return values.find(({ labels }) => labels["why"] === why)?.value ?? 0;
  };
  return { clock, requests, recorder, counted };
}

test("an Event stands beside its object, and its count rises by patches of series alone", async () => {
  const { clock, requests, recorder } = world();
  recorder.record(happening());
  await clock.advance(1000);
  for (let n = 0; n < 5; n++) recorder.record(happening());
  await clock.advance(120_000);
  const path = "/apis/events.k8s.io/v1/namespaces/team/events";
  expect(requests.map(({ method }) => method)).toEqual(["POST", "PATCH"]);
  const [post, patch] = requests;
  expect(post).toMatchObject({
    path,
    body: {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      eventTime: "2026-11-01T00:00:00.000000Z",
      reportingController: "posthouse.dev/operator",
      reportingInstance: "posthouse-operator-1_0a",
      regarding: happening().regarding,
      type: "Warning",
      reason: "CreditsLow",
      action: "ReportStatus",
      note: "Few credits are left.",
    },
  });
  const name = /shop\.[0-9a-f]{16}/.exec(JSON.stringify(post?.body))?.[0];
  expect(patch).toMatchObject({
    path: `${path}/${name}`,
    contentType: "application/merge-patch+json",
    body: { series: { count: 6, lastObservedTime: "2026-11-01T00:00:01.000000Z" } },
  });
  await recorder.stop();
});

test("a long note is cut off at 1024 octets, between characters", async () => {
  const { clock, requests, recorder } = world();
  recorder.record(happening({ note: `a${"ü".repeat(2000)}` }));
  await clock.advance(1000);
  const { note } = requests[0]!.body as { note: string };
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
  expect(note).toMatch(/^aü+\.\.\.$/);
  await recorder.stop();
});

test("a server that is away is asked with growing pauses, then nothing is lost, and nobody waited", async () => {
  let isAway = true;
  const { clock, requests, recorder, counted } = world(() => {
    if (isAway) throw new Error("connect ECONNREFUSED");
  });
  recorder.record(happening());
  await clock.advance(60_000);
  expect(requests.length).toBeLessThan(9);
  recorder.record(happening({ reason: "CreditsExhausted" }));
  isAway = false;
  await clock.advance(60_000);
  const names = requests.map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
  expect(new Set(names).size).toBe(2);
  expect(await counted("unavailable")).toBe(0);
  isAway = true;
  recorder.record(happening({ reason: "Other" }));
  await clock.advance(600_000);
  expect(await counted("unavailable")).toBe(1);
  await recorder.stop();
});

test("what happens after a server was away for too long is told again", async () => {
  let isAway = true;
  const { clock, requests, recorder, counted } = world(() => {
    if (isAway) throw new Error("connect ECONNREFUSED");
  });
  recorder.record(happening());
  await clock.advance(600_000);
  expect(await counted("unavailable")).toBe(1);
  isAway = false;
  const before = requests.length;
  recorder.record(happening({ reason: "Later" }));
  await clock.advance(60_000);
  expect(requests.slice(before).map(({ method }) => method)).toEqual(["POST"]);
  await recorder.stop();
});

test("what the server refuses is left out and counted, and the next is told all the same", async () => {
  const { clock, requests, recorder, counted } = world(({ body }) => {
    if (JSON.stringify(body).includes("doomed"))
      throw new ApiError("namespace ends", { code: 403, reason: "Forbidden" });
  });
  recorder.record(happening({}, "doomed"));
  recorder.record(happening());
  await clock.advance(2000);
  expect(requests).toHaveLength(2);
  await clock.advance(60_000);
  expect([requests.length, await counted("refused")]).toEqual([2, 1]);
  await recorder.stop();
});

test("stopping writes what is open, and nothing after", async () => {
  const { clock, requests, recorder } = world();
  recorder.record(happening());
  await recorder.stop();
  recorder.record(happening({ reason: "Late" }));
  await clock.advance(60_000);
  expect(requests).toHaveLength(1);
});
