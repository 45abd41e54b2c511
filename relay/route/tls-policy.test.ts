import { describe, expect, test } from "vitest";
import { directTls, smarthostTls } from "./tls-policy.ts";

describe("TLS of a hop", () => {
  test.each([
    ["Opportunistic", { start: "IfOffered", verify: false }],
    ["Required", { start: "Required", verify: false }],
  ] as const)("direct, %s", (policy, want) => expect(directTls(policy)).toEqual(want));

  test.each([
    ["Opportunistic", "None", { start: "Never", verify: false }],
    ["Opportunistic", "StartTLS", { start: "Required", verify: false }],
    ["Opportunistic", "ImplicitTLS", { start: "Implicit", verify: false }],
    ["Required", "None", { start: "Required", verify: true }],
    ["Required", "StartTLS", { start: "Required", verify: true }],
    ["Required", "ImplicitTLS", { start: "Implicit", verify: true }],
  ] as const)("smarthost, %s, %s", (policy, security, want) =>
    expect(smarthostTls(policy, { security })).toEqual(want),
  );

  test.each([
    ["None", "Required"],
    ["StartTLS", "Required"],
    ["ImplicitTLS", "Implicit"],
  ] as const)("smarthost with credentials, %s: always verified", (security, start) => {
    const credential = { kind: "Secret", secretName: "smarthost-1" } as const;
    for (const policy of ["Opportunistic", "Required"] as const)
      expect(smarthostTls(policy, { security, credential })).toEqual({ start, verify: true });
  });
});
