import { describe, expect, test } from "vitest";
import type { RelayTenantStatus } from "../../crds/relay-tenant.ts";
import type { ObservedTenant, StoredRecord } from "./observed.ts";
import {
  now,
  hour,
  type Credential,
  manual,
  environment,
  production,
  record,
  idOf,
  web,
  interval,
  secret,
  type Given,
  planOf,
  actionsOf,
  acceptedBy,
  issued,
} from "../../test/harness/planned-tenant.ts";

describe("what is done for a credential", () => {
  test.each<[string, Given, readonly string[]]>([
    ["new", {}, ["apply", "issue 1 to shop-web"]],
    ["issued", { records: [record(1, 5)], secrets: { "shop-web": secret(1) } }, ["apply"]],
    ["Secret deleted", { records: [record(1, 5)] }, ["apply", "issue 2 to shop-web"]],
    [
      "key in the Secret altered",
      { records: [record(1, 5)], secrets: { "shop-web": secret(9) } },
      ["apply", "issue 2 to shop-web over 7"],
    ],
    [
      "an older key put back",
      { records: [record(1, 5), record(2, 1)], secrets: { "shop-web": secret(1) } },
      ["apply", "issue 3 to shop-web over 7"],
    ],
    [
      "the fleet's host changed",
      { records: [record(1, 5)], secrets: { "shop-web": secret(1, { upToDate: false }) } },
      ["apply", "refresh shop-web"],
    ],
    ["somebody else's Secret", { secrets: { "shop-web": secret(1, { owned: false }) } }, ["apply"]],
    ["record gone", { secrets: { "shop-web": secret(1) } }, ["apply", "issue 1 to shop-web over 7"]],
    [
      "moved to another Secret",
      { records: [record(1, 5, { secretName: "old" })], secrets: { old: secret(1) } },
      ["apply", "issue 2 to shop-web"],
    ],
    [
      "moved, and the overlap is over: the old Secret goes with its key",
      {
        records: [record(1, 50, { secretName: "old" }), record(2, 25)],
        secrets: { old: secret(1), "shop-web": secret(2) },
      },
      ["apply", "delete team-shop/old secret-uid", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "taken out of the spec",
      { environments: [environment("production")], records: [record(1, 5)], secrets: { "shop-web": secret(1) } },
      ["apply", "delete team-shop/shop-web secret-uid", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "taken out, and its Secret is somebody else's now",
      { environments: [], records: [record(1, 5)], secrets: { "shop-web": secret(1, { owned: false }) } },
      ["apply", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "taken out, and its Secret holds a key that is on no record",
      { environments: [], records: [record(1, 5)], secrets: { "shop-web": secret(2) } },
      ["apply", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "taken out, and another credential uses its Secret",
      {
        environments: [environment("staging", { name: "web", secretName: "shop-web" })],
        records: [record(1, 5)],
        secrets: { "shop-web": secret(1) },
      },
      ["apply", "issue 1 to shop-web over 7", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "rotate now",
      { ...issued, rotate: "production/web=2026-11" },
      ["apply", "issue 2 to shop-web over 7 for 2026-11"],
    ],
    [
      "rotated already for this token",
      { records: [record(1, 5, { rotation: "a" })], secrets: { "shop-web": secret(1) }, rotate: "production/web=a" },
      ["apply"],
    ],
    [
      "rotate now, another token",
      { records: [record(1, 5, { rotation: "b" })], secrets: { "shop-web": secret(1) }, rotate: "production/web=a" },
      ["apply", "issue 2 to shop-web over 7 for a"],
    ],
    [
      "the annotation is gone: the token that was acted on is remembered",
      { records: [record(1, 5, { rotation: "b" })] },
      ["apply", "issue 2 to shop-web for b"],
    ],
    ["new, with the annotation there", { rotate: "production/web=a" }, ["apply", "issue 1 to shop-web for a"]],
    ["rotate now, another credential", { ...issued, rotate: "production/worker=a" }, ["apply"]],
    [
      "an interval not over",
      { ...issued, environments: [environment("production", { ...web, rotation: interval("6h") })] },
      ["apply"],
    ],
    [
      "an interval over to the moment",
      { ...issued, environments: [environment("production", { ...web, rotation: interval("5h") })] },
      ["apply", "issue 2 to shop-web over 7"],
    ],
    [
      "rotation of a Secret that is somebody else's",
      { records: [record(1, 5)], secrets: { "shop-web": secret(1, { owned: false }) }, rotate: "production/web=a" },
      ["apply"],
    ],
    [
      "the current key revoked: its record stays until another key is issued",
      { ...issued, revoked: [idOf(1)] },
      ["apply", "issue 2 to shop-web over 7"],
    ],
    [
      "an old key revoked",
      { records: [record(1, 5), record(2, 1)], secrets: { "shop-web": secret(2) }, revoked: [idOf(1)] },
      ["apply", "delete posthouse-system/record-1 record-uid-1"],
    ],
    [
      "a Secret named twice",
      { environments: [production, environment("staging", { name: "web", secretName: "shop-web" })] },
      ["apply", "issue 1 to shop-web"],
    ],
  ])("%s", (_, given, expected) => {
    expect(actionsOf(given)).toEqual(expected);
  });
});

const used = (hoursAgo: number): ObservedTenant["usage"] => ({
  kind: "Known",
  keysUsed: { [idOf(1)]: now - hoursAgo * hour },
});
const rotated = (hoursAgo: number): Given => ({ records: [record(1, 90), record(2, hoursAgo)] });
const rotation = (more: Partial<Credential["rotation"]>): Given => ({
  environments: [environment("production", { ...web, rotation: { ...manual, ...more } })],
});

describe("which keys a relay accepts", () => {
  const six = [6, 5, 4, 3, 2, 1].map((hoursAgo, index) => record(index + 1, hoursAgo));
  test.each<[string, Given, readonly string[]]>([
    ["none before one is issued", {}, []],
    [
      "the newest, and the one before for the overlap",
      { records: [record(1, 50), record(2, 4)] },
      ["production 1 for 20 h", "production 2"],
    ],
    ["the overlap is over", { records: [record(1, 50), record(2, 24)] }, ["production 2"]],
    [
      "five at most",
      { records: six },
      [
        "production 2 for 20 h",
        "production 3 for 21 h",
        "production 4 for 22 h",
        "production 5 for 23 h",
        "production 6",
      ],
    ],
    ["none of a removed credential", { environments: [environment("production")], records: [record(1, 5)] }, []],
    ["none of a removed environment", { environments: [environment("staging")], records: [record(1, 5)] }, []],
    [
      "each environment its own",
      {
        environments: [environment("staging", { name: "web", secretName: "staging" }), production],
        records: [record(1, 5), record(2, 5, { credential: { ...record(1, 0).credential, environment: "staging" } })],
      },
      ["production 1", "staging 2"],
    ],
  ])("%s", (_, given, expected) => {
    expect(acceptedBy(given)).toEqual(expected);
  });

  test.each<[string, Given, readonly string[]]>([
    ["used after its overlap: kept", { ...rotated(30), usage: used(1) }, ["production 1 for 23 h", "production 2"]],
    [
      "used in its overlap: an overlap from then",
      { ...rotated(4), usage: used(1) },
      ["production 1 for 23 h", "production 2"],
    ],
    ["used before its successor came", { ...rotated(20), usage: used(21) }, ["production 1 for 4 h", "production 2"]],
    ["unused for an overlap", { ...rotated(30), usage: used(24) }, ["production 2"]],
    [
      "used, but the rotation says otherwise",
      { ...rotated(30), ...rotation({ oldKeys: "Revoke" }), usage: used(1) },
      ["production 2"],
    ],
    [
      "used, but without an overlap",
      { ...rotated(1), ...rotation({ overlap: "0s" }), usage: used(0) },
      ["production 2"],
    ],
    [
      "used, with a short overlap: a use is reported late",
      { ...rotated(9), ...rotation({ overlap: "15m" }), usage: used(1) },
      ["production 1 for 2 h", "production 2"],
    ],
    ["used, and revoked", { ...rotated(1), usage: used(0), revoked: [idOf(1)] }, ["production 2"]],
    ["nobody can be asked", { ...rotated(30), usage: { kind: "Unavailable" } }, ["production 1", "production 2"]],
    [
      "nobody can be asked, and the rotation does not care",
      { ...rotated(30), ...rotation({ oldKeys: "Revoke" }), usage: { kind: "Unavailable" } },
      ["production 2"],
    ],
    [
      "a longer overlap",
      { ...rotated(30), ...rotation({ overlap: "48h" }) },
      ["production 1 for 18 h", "production 2"],
    ],
    ["the current key revoked", { ...issued, revoked: [idOf(1)] }, []],
    [
      "five that are not revoked",
      { records: six, revoked: [idOf(2)] },
      [1, 3, 4, 5]
        .map((serial) => `production ${serial} for ${serial === 1 ? 19 : 18 + serial} h`)
        .concat("production 6"),
    ],
  ])("%s", (_, given, expected) => {
    expect(acceptedBy(given)).toEqual(expected);
  });

  test.each<[string, Given, number | undefined]>([
    ["an overlap ends", { records: [record(1, 50), record(2, 4)] }, 20],
    ["an interval does", { ...issued, ...rotation({ schedule: "Interval", every: "6h", overlap: "1h" }) }, 1],
    ["the overlap of a key in use ends: it is reported then", { ...rotated(23), usage: used(1) }, 1],
    ["nothing does", { ...issued }, undefined],
  ])("it is planned anew when %s", (_, given, inHours) => {
    const { recheckAfter } = planOf(given);
    expect(recheckAfter === undefined ? undefined : recheckAfter / hour).toBe(inHours);
  });

  test.each<[string, Given, string]>([
    ["in its overlap", { ...rotated(23), usage: used(1) }, "CredentialsIssued"],
    ["after it", { ...rotated(24), usage: used(1) }, "OldKeyInUse"],
    ["after it, nobody can be asked", { ...rotated(24), usage: { kind: "Unavailable" } }, "OldKeyInUse"],
    ["after it, unused", { ...rotated(24) }, "CredentialsIssued"],
  ])("an old key in use is reported: %s", (_, given, reason) => {
    const { status } = planOf({ ...given, secrets: { "shop-web": secret(2) } });
    const found = status?.conditions?.find(({ type }) => type === "CredentialsReady");
    expect(`${found?.status} ${found?.reason}`).toBe(`True ${reason}`);
    expect(found?.message.includes(`${idOf(1)} of production/web`)).toBe(reason === "OldKeyInUse");
  });

  test("of an old key in use people are told once, and once when none is left", () => {
    const worked = { records: [record(1, 90), record(2, 60), record(3, 24)], secrets: { "shop-web": secret(3) } };
    const bothUsed = { kind: "Known" as const, keysUsed: { [idOf(1)]: now - hour, [idOf(2)]: now - hour } };
    const rounds: readonly (readonly [Given, readonly string[]])[] = [
      [{ ...rotated(23), usage: used(1) }, []],
      [{ ...rotated(24), usage: used(1) }, [`warn OldKeyInUse ${idOf(1)}`]],
      [{ ...rotated(24), usage: used(0) }, []],
      [{ ...rotated(24), usage: { kind: "Unavailable" } }, []],
      [{ ...rotated(24), usage: used(1) }, []],
      [{ ...worked, usage: bothUsed }, [`warn OldKeyInUse ${idOf(2)}`]],
      [{ ...worked, usage: bothUsed, revoked: [idOf(1)] }, []],
      [{ ...worked, usage: bothUsed, revoked: [idOf(1), idOf(2)] }, ["info OldKeysEnded "]],
      [worked, []],
    ];
    let status: RelayTenantStatus | undefined;
    for (const [given, told] of rounds) {
      const plan = planOf({ secrets: { "shop-web": secret(2) }, ...given, ...(status && { status }) });
      const notes = (plan.statusNotes ?? []).filter(({ reason }) => reason.startsWith("OldKey"));
      expect(notes.map((note) => `${note.level} ${note.reason} ${/k+\d+/.exec(note.message)?.[0] ?? ""}`)).toEqual(
        told,
      );
      status = plan.status;
    }
  });

  test.each<[string, readonly StoredRecord[], readonly number[], readonly number[]]>([
    ["while the key before it works", [record(1, 50), record(2, 23), record(3, 1)], [2], []],
    ["until the key before it works no more", [record(1, 50), record(2, 25), record(3, 1)], [2], [1, 2]],
    ["but not a second one", [record(1, 50), record(2, 23), record(3, 2), record(4, 1)], [2, 3], [3]],
  ])("the record of a revoked key tells when the one before it ends: %s", (_, records, revoked, gone) => {
    const given = { records, revoked: revoked.map(idOf), secrets: { "shop-web": secret(records.length) } };
    expect(actionsOf(given).filter((action) => action.startsWith("delete"))).toEqual(
      gone.map((serial) => `delete posthouse-system/record-${serial} record-uid-${serial}`),
    );
    const left = gone.includes(1) ? [] : ["production 1 for 1 h"];
    expect(acceptedBy(given)).toEqual([...left, `production ${records.length}`]);
  });
});
