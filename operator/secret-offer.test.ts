import { expect, test } from "vitest";
import type { SecretObject } from "../cluster/object.ts";
import { offerProblem, secretOffer } from "./secret-offer.ts";

const place = { namespace: "team-shop", name: "old-key", use: "dkim-import" } as const;

function secret(labels?: Readonly<Record<string, string>>): SecretObject {
  const metadata = { namespace: place.namespace, name: place.name, ...(labels && { labels }) };
  return { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: { word: "hush" } };
}

const cases: readonly [string, SecretObject | undefined, string, string | undefined][] = [
  ["one that is not there", undefined, "NotFound", "SecretNotFound"],
  ["one without labels", secret(), "NotOffered", "SecretNotOffered"],
  [
    "one that is offered for another use",
    secret({ "posthouse.dev/use": "smarthost" }),
    "NotOffered",
    "SecretNotOffered",
  ],
  ["one that is offered", secret({ "posthouse.dev/use": "dkim-import" }), "Offered", undefined],
];

test.each(cases)("a Secret that is referred to: %s", (_, object, kind, reason) => {
  let reads = 0;
  const offer = secretOffer(object, place.use, (data) => {
    reads += 1;
    return data["word"]?.length;
  });
  expect(offer).toEqual(kind === "Offered" ? { kind, value: 4 } : { kind });
  expect(reads).toBe(kind === "Offered" ? 1 : 0);
  expect(offerProblem(offer, place)?.reason).toBe(reason);
});

test("the message says how to offer the Secret, and what it waits for", () => {
  const found = offerProblem({ kind: "NotOffered" }, place);
  expect(found?.kind).toBe("Waiting");
  expect(found?.message).toContain("kubectl -n team-shop label secret old-key posthouse.dev/use=dkim-import");
  expect(offerProblem({ kind: "NotFound" }, { ...place, use: "smarthost" })?.kind).toBe("Waiting");
});
