import { expect, test } from "vitest";
import type { Sending } from "./sending.ts";
import { sharedMessage, sharedSending, type SharedState } from "./shared-domain.ts";

const shared = { domain: "mail.example.net", namespace: "mail-platform" };
const enabled: Sending = { state: "Active", reason: "Enabled" };
const off: Sending = { state: "Disabled", reason: "DisabledByTenant" };
const suspended: Sending = { state: "Suspended", reason: "SuspendedByPlatform" };

test.each<[string, Sending, SharedState | undefined, string, RegExp | undefined]>([
  ["signs", enabled, "Signs", "Active/Enabled", undefined],
  ["is of no concern", enabled, undefined, "Active/Enabled", undefined],
  [
    "is not proven",
    enabled,
    "NotProven",
    "Disabled/SharedDomainNotProven",
    /^Mail is refused: no SendingDomain in the namespace mail-platform has proven .* mail\.example\.net\. Ask the platform/,
  ],
  [
    "has no visible key",
    enabled,
    "NoVisibleKey",
    "Active/NoVisibleKey",
    /^Mail is accepted and waits: DNS shows no Active RSA2048 key .* mail\.example\.net\. Ask the platform/,
  ],
  ["is not proven, and the tenant is switched off", off, "NotProven", "Disabled/DisabledByTenant", undefined],
  [
    "has no visible key, and the tenant is suspended",
    suspended,
    "NoVisibleKey",
    "Suspended/SuspendedByPlatform",
    undefined,
  ],
])("the shared domain %s", (...[, sending, state, expected, message]) => {
  const found = sharedSending(sending, state);
  expect(`${found.state}/${found.reason}`).toBe(expected);
  expect(sharedMessage(found, shared) ?? "nothing").toMatch(message ?? /^nothing$/);
});

test("without a shared domain there is nothing to say of one", () => {
  expect(sharedMessage({ state: "Active", reason: "NoVisibleKey" }, undefined)).toBeUndefined();
});
