import { expect, test } from "vitest";
import type { CustomObject } from "../object.ts";
import { identify } from "./identity.ts";

const stamp = { uid: "u2", now: Date.UTC(2026, 10, 1, 8, 0, 0, 500), resourceVersion: "9" };
const before: CustomObject<"RelayTenant"> = {
  apiVersion: "posthouse.dev/v1alpha1",
  kind: "RelayTenant",
  metadata: {
    name: "a",
    namespace: "b",
    uid: "u1",
    generation: 4,
    resourceVersion: "8",
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: { l: "1" },
  },
  spec: { sending: "Enabled", list: [1] },
  status: { observedGeneration: 4 },
};
const given = (
  change: Partial<CustomObject<"RelayTenant">>,
  labels: Record<string, string> = { l: "1" },
): CustomObject<"RelayTenant"> => ({
  ...before,
  metadata: { name: "a", namespace: "b", labels },
  status: undefined,
  ...change,
});

test("a new object has an identity of its own", () => {
  expect(identify(undefined, given({}), stamp).metadata).toEqual({
    name: "a",
    namespace: "b",
    uid: "u2",
    generation: 1,
    resourceVersion: "9",
    creationTimestamp: "2026-11-01T08:00:00Z",
    labels: { l: "1" },
  });
});

test.each([
  ["nothing changes", given({}), { generation: 4, resourceVersion: "8" }],
  [
    "the order of members changes",
    given({ spec: { list: [1], sending: "Enabled" } }),
    { generation: 4, resourceVersion: "8" },
  ],
  [
    "a member is undefined",
    given({ spec: { list: [1], sending: "Enabled", no: undefined } }),
    { generation: 4, resourceVersion: "8" },
  ],
  ["the spec changes", given({ spec: { sending: "Disabled", list: [1] } }), { generation: 5, resourceVersion: "9" }],
  [
    "the order of a list changes",
    given({ spec: { sending: "Enabled", list: [2, 1] } }),
    { generation: 5, resourceVersion: "9" },
  ],
  ["a label changes", given({}, { l: "2" }), { generation: 4, resourceVersion: "9" }],
  ["the labels go", given({}, {}), { generation: 4, resourceVersion: "9" }],
])("when %s", (_, next, expected) => {
  const after = identify(before, next, stamp);
  expect(after.metadata).toMatchObject({ ...expected, uid: "u1", creationTimestamp: "2026-01-01T00:00:00Z" });
  expect(after.status).toEqual({ observedGeneration: 4 });
  expect(after === before).toBe(expected.resourceVersion === "8");
});
