import { describe, expect, test } from "vitest";
import { fieldValue } from "./downward.ts";
import { expand } from "./expand.ts";
import { quantity } from "./quantity.ts";
import { restartDelay, type ContainerRecord } from "./container-record.ts";
import type { Pod } from "./pod.ts";
import { statusOf } from "./pod-status.ts";
import { renewalTime } from "./tokens.ts";

describe("expand", () => {
  test.each([
    ["$(A)-$(B)", "1-2"],
    ["$(C) $(A", "$(C) $(A"],
    ["$$(A) $$$(A) $A", "$(A) $1 $A"],
    ["$(toString)", "$(toString)"],
  ])("%s", (text, expected) => {
    expect(expand(text, { A: "1", B: "2" })).toBe(expected);
  });
});

test.each([
  ["1", 1],
  ["500m", 0.5],
  ["64Mi", 67_108_864],
  ["1e3", 1000],
  ["2k", 2000],
])("the quantity %s", (text, expected) => {
  expect(quantity(text)).toBe(expected);
});

test.each(["", "Mi", "1 Gi", "1x"])("no quantity: %j", (text) => {
  expect(() => quantity(text)).toThrow("no quantity");
});

test("restarts wait longer each time, up to half a minute", () => {
  expect([0, 1, 2, 5, 30].map(restartDelay)).toEqual([1000, 2000, 4000, 30_000, 30_000]);
});

test("tokens are renewed after four fifths of their life, and each day", () => {
  const hour = 3_600_000;
  expect([renewalTime(0, hour), renewalTime(0, 240 * hour)]).toEqual([0.8 * hour, 24 * hour]);
});

test("a pod is ready when its containers are and its readiness gates are open", () => {
  const record: ContainerRecord = {
    name: "a",
    image: "a",
    state: { running: { startedAt: "" } },
    restartCount: 0,
    started: true,
    ready: true,
    isOver: false,
  };
  const isReady = (ready: boolean, gates: readonly string[], open: readonly string[]): unknown => {
    const pod = {
      metadata: { name: "a", namespace: "a", uid: "u" },
      spec: { containers: [{ name: "a" }], readinessGates: gates.map((conditionType) => ({ conditionType })) },
      status: { conditions: open.map((type) => ({ type, status: "True" })) },
    } as unknown as Pod;
    const facts = {
      podIp: "",
      nodeIp: "",
      startedAt: "",
      hasVolumes: true,
      inits: [],
      containers: [{ ...record, ready }],
    };
    const { conditions } = statusOf(pod, facts, [], "") as { conditions: { type: string; status: string }[] };
    return conditions.find(({ type }) => type === "Ready")?.status;
  };
  expect(isReady(true, [], [])).toBe("True");
  expect(isReady(false, [], [])).toBe("False");
  expect(isReady(true, ["gate"], [])).toBe("False");
  expect(isReady(true, ["gate"], ["gate"])).toBe("True");
});

test("a pod learns its own addresses, names and labels, and those of its node", () => {
  const metadata = { name: "web", namespace: "team", uid: "u", labels: { app: "mail" } };
  const pod = { metadata, spec: { containers: [] } } as unknown as Pod;
  const place = { podIp: "127.1.0.1", nodeName: "node", nodeIp: "127.1.0.2" };
  const value = (path: string): string => fieldValue(path, pod, place);
  const paths = ["metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels['app']", "spec.nodeName"];
  expect(paths.map(value)).toEqual(["web", "team", "u", "mail", "node"]);
  const addresses = ["status.podIP", "status.podIPs", "status.hostIP", "status.hostIPs"];
  expect(addresses.map(value)).toEqual(["127.1.0.1", "127.1.0.1", "127.1.0.2", "127.1.0.2"]);
  expect(value("spec.serviceAccountName")).toBe("default");
  expect(() => value("status.phase")).toThrow("unknown fieldPath");
});
