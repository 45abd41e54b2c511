import { describe, expect, test } from "vitest";
import { createManualClock } from "../../test/harness/manual-clock.ts";
import { ApiError } from "./api-error.ts";
import type { ApiRequest } from "./api.ts";
import { tokenReviewer } from "./token-review.ts";

const audience = "posthouse.dev/usage";
const username = "system:serviceaccount:posthouse-system:posthouse-operator";
const good = { status: { authenticated: true, audiences: [audience], user: { username } } };

function setUp(answer: (request: ApiRequest) => unknown) {
  const asked: ApiRequest[] = [];
  const clock = createManualClock(1_000_000);
  const api = {
    async request(request: ApiRequest) {
      asked.push(request);
      return answer(request);
    },
  };
  return { asked, clock, review: tokenReviewer({ api, audience, clock }) };
}

describe("what the API server says", () => {
  const cases: readonly (readonly [what: string, answer: unknown, verdict: unknown])[] = [
    ["a user of the audience", good, { kind: "User", name: username }],
    ["nobody", { status: { authenticated: false, error: "expired" } }, { kind: "Nobody" }],
    ["another audience", { status: { ...good.status, audiences: ["https://kubernetes"] } }, { kind: "Nobody" }],
    ["no audience", { status: { authenticated: true, user: { username } } }, { kind: "Nobody" }],
    ["no user", { status: { authenticated: true, audiences: [audience] } }, { kind: "Nobody" }],
    ["nothing", undefined, { kind: "Nobody" }],
    ["no object", "ok", { kind: "Nobody" }],
  ];
  test.each(cases)("is read: %s", async (_what, answer, verdict) => {
    const { review, asked } = setUp(() => answer);
    expect(await review("token")).toEqual(verdict);
    expect(asked).toMatchObject([{ method: "POST", body: { spec: { token: "token", audiences: [audience] } } }]);
  });

  test("is not that it cannot be asked", async () => {
    const { review } = setUp(() => {
      throw new Error("ECONNREFUSED");
    });
    expect(await review("token")).toEqual({ kind: "Unavailable", why: "ECONNREFUSED" });
  });
});

test("a token is asked about once in half a minute, and once at a time", async () => {
  const { review, asked, clock } = setUp(() => good);
  await Promise.all([review("one"), review("one"), review("two")]);
  await clock.advance(29_999);
  await review("one");
  expect(asked).toHaveLength(2);
  await clock.advance(1);
  await review("one");
  expect(asked).toHaveLength(3);
});

test("who may not ask asks no more for a minute", async () => {
  let forbidden = true;
  const { review, asked, clock } = setUp(() => {
    if (forbidden) throw new ApiError("POST: 403 no", { code: 403, reason: "Forbidden" });
    return good;
  });
  for (const token of ["a", "b", "c"]) expect(await review(token)).toEqual({ kind: "Forbidden" });
  expect(asked).toHaveLength(1);
  forbidden = false;
  await clock.advance(60_000);
  expect(await review("a")).toEqual({ kind: "User", name: username });
});

test("no verdict outlives its time because the clock was set back", async () => {
  let forbidden = false;
  const { review, asked, clock } = setUp(() => {
    if (forbidden) throw new ApiError("POST: 403 no", { code: 403, reason: "Forbidden" });
    return good;
  });
  await review("a");
  forbidden = true;
  clock.jump(-86_400_000);
  expect(await review("a")).toEqual({ kind: "Forbidden" });
  forbidden = false;
  clock.jump(-86_400_000);
  expect(await review("a")).toEqual({ kind: "User", name: username });
  expect(asked).toHaveLength(3);
});

test("made-up tokens cost four questions at a time, and none when they are too long", async () => {
  const gates: (() => void)[] = [];
  const { review, asked } = setUp(() => new Promise((resolve) => gates.push(() => resolve(good))));
  const first = ["a", "b", "c", "d"].map((token) => review(token));
  expect(await review("e")).toMatchObject({ kind: "Unavailable" });
  expect(await review("x".repeat(20_000))).toEqual({ kind: "Nobody" });
  for (const open of gates) open();
  await Promise.all(first);
  expect(asked).toHaveLength(4);
});
