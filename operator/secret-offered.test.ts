import { expect, test } from "vitest";
import { secretOffered, type SecretUse } from "./secret-offered.ts";

const reference = { namespace: "team-shop", name: "old-key" };

test.each<[string, Readonly<Record<string, string>> | undefined, SecretUse, string | undefined]>([
  ["offered", { "posthouse.dev/use": "dkim-import" }, "dkim-import", undefined],
  ["offered for something else", { "posthouse.dev/use": "smarthost" }, "dkim-import", "SecretNotOffered"],
  ["offered in other letters", { "posthouse.dev/use": "DKIM-import" }, "dkim-import", "SecretNotOffered"],
  ["with another label", { app: "shop" }, "smarthost", "SecretNotOffered"],
  ["without labels", undefined, "smarthost", "SecretNotOffered"],
])("%s", (_, labels, use, expected) => {
  const found = secretOffered({ metadata: { ...reference, ...(labels && { labels }) } }, use, reference);
  expect(found?.reason).toBe(expected);
  expect(found?.kind).toBe(expected && "Waiting");
});

test("the message holds the command", () => {
  const message = secretOffered({ metadata: reference }, "smarthost", reference)?.message;
  expect(message).toContain(
    "kubectl label secret old-key --namespace team-shop --overwrite posthouse.dev/use=smarthost",
  );
});

test("a Secret that is not there is waited for", () => {
  expect(secretOffered(undefined, "smarthost", reference)).toMatchObject({ kind: "Waiting", reason: "SecretNotFound" });
});
