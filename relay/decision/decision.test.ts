import { describe, expect, test } from "vitest";
import { parseApiKey } from "../../contract/api-key.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { domains, keyOf, shop } from "../../test/harness/submission.ts";
import { buildDirectory } from "../directory.ts";
import { authenticationChecks, type AuthenticationFacts, creditsRemain } from "./authentication.ts";
import { type Check, decide } from "./chain.ts";
import { submissionChecks, type SubmissionFacts } from "./submission.ts";
import { accept, refuse, type Verdict } from "./verdict.ts";

const directory = buildDirectory([shop], domains);
const reasonOf = (verdict: Verdict): string => (verdict.kind === "Accept" ? "Accept" : verdict.reason);

function saying(code: number): Check<unknown> {
  return () => refuse({ code, enhanced: "", text: "" }, String(code));
}

describe("the chain", () => {
  test("ends at the first refusal, whose code says whether it is for good", () => {
    expect(decide([], {})).toBe(accept);
    expect(decide([() => accept, saying(450), saying(550)], {})).toMatchObject({ kind: "Defer", reason: "450" });
    expect(decide([saying(550)], {})).toMatchObject({ kind: "Reject" });
  });
});

function attempt(id: string, changes: Partial<AuthenticationFacts> = {}): AuthenticationFacts {
  const key = parseApiKey(keyOf(id));
  return { username: "apikey", key, login: directory.login(id), source: "198.51.100.1", now: 10, ...changes };
}

describe("authentication", () => {
  const other = parseApiKey(keyOf("production00"));
  test.each<[string, AuthenticationFacts, string]>([
    ["the key", attempt("production00"), "Accept"],
    ["the key with its id as user", attempt("production00", { username: "production00" }), "Accept"],
    ["the key of a disabled environment", attempt("marketing000"), "Accept"],
    ["another user", attempt("production00", { username: "root" }), "WrongUsername"],
    ["no key", attempt("production00", { key: undefined, login: undefined }), "NotAnApiKey"],
    ["an unknown id", attempt("nobody000000"), "UnknownKey"],
    ["a wrong secret", attempt("production00", { key: other && { ...other, secret: new Uint8Array(32) } }), "WrongKey"],
    ["an expired key", attempt("expired00000"), "ExpiredKey"],
    ["a key before its end", attempt("expired00000", { now: 1 }), "Accept"],
    ["a foreign source", attempt("faraway00000"), "SourceNotAllowed"],
    ["an allowed source", attempt("faraway00000", { source: "192.0.2.9" }), "Accept"],
  ])("of %s", (_, facts, reason) => {
    expect(reasonOf(decide(authenticationChecks, facts))).toBe(reason);
  });
});

test("whatever is wrong with a key, the reply is the same", () => {
  const verdicts = ["nobody000000", "expired00000", "faraway00000"].map((id) =>
    decide(authenticationChecks, attempt(id)),
  );
  const reply = { code: 535, enhanced: "5.7.8", text: "Authentication credentials invalid" };
  expect(verdicts).toMatchObject([{ reply }, { reply }, { reply }]);
});

describe("credits at AUTH", () => {
  const spent = { period: "once", used: 100, topUpsUsed: {} };
  test.each([
    ["production00", undefined, "Accept"],
    ["production00", { ...spent, used: 99 }, "Accept"],
    ["production00", spent, "CreditsExhausted"],
    ["staging00000", spent, "Accept"],
  ])("of %s with %j", (id, usage, reason) => {
    const login = directory.login(id);
    if (login === undefined) throw new Error(id);
    expect(reasonOf(creditsRemain({ login, usage, now: 0 }))).toBe(reason);
  });
});

function of(id: string, senderDomain?: string, fromDomain?: string, from = directory): SubmissionFacts {
  const author = fromDomain === undefined ? {} : { fromDomain };
  return { directory: from, login: from.login(id), source: "198.51.100.1", now: 10, senderDomain, ...author };
}

const holder = (namespace: string) => ({ ...domains[0]!, domain: "mail.example", claim: { namespace, name: "m" } });

describe("a submission", () => {
  const suspended: TenantContract = { ...shop, sending: { state: "Suspended", reason: "SuspendedByPlatform" } };
  const paused: TenantContract = { ...shop, sending: { state: "Disabled", reason: "SwitchedOff" } };

  test.each<[string, SubmissionFacts, string]>([
    ["its own domain", of("production00", "shop.example", "shop.example"), "Accept"],
    ["the null reverse-path", of("production00", undefined, "shop.example"), "Accept"],
    ["a domain of the tenant, not of the environment", of("production00", "second.example"), "SenderDomainNotAllowed"],
    ["a domain of the tenant, in an environment without a list", of("staging00000", "second.example"), "Accept"],
    ["a subdomain", of("production00", "www.shop.example"), "SenderDomainNotAllowed"],
    ["a domain of another tenant", of("staging00000", "bank.example"), "SenderDomainNotAllowed"],
    ["a domain of a tenant of that name elsewhere", of("staging00000", "namesake.example"), "SenderDomainNotAllowed"],
    ["a domain of nobody", of("staging00000", "nobody.example"), "SenderDomainNotAllowed"],
    ["an unproven domain, captured", of("staging00000", "soon.example", "soon.example"), "Accept"],
    ["a From of another", of("production00", "shop.example", "bank.example"), "FromDomainNotAllowed"],
    [
      "a From of another under the null reverse-path",
      of("production00", undefined, "bank.example"),
      "FromDomainNotAllowed",
    ],
    ["a disabled environment", of("marketing000", "shop.example"), "EnvironmentDisabled"],
    ["a revoked credential", of("nobody000000", "shop.example"), "CredentialRevoked"],
    ["an expired credential", of("expired00000", "shop.example"), "CredentialRevoked"],
    ["a place that is no longer allowed", of("faraway00000", "shop.example"), "SourceNotAllowed"],
    [
      "a disabled tenant",
      of("production00", "shop.example", undefined, buildDirectory([paused], domains)),
      "TenantDisabled",
    ],
    [
      "a suspended tenant",
      of("production00", "shop.example", undefined, buildDirectory([suspended], domains)),
      "TenantSuspended",
    ],
  ])("from %s", (_, facts, reason) => {
    expect(reasonOf(decide(submissionChecks, facts))).toBe(reason);
  });

  describe("of a tenant without own domains", () => {
    const name = "shop.team-shop.mail.example";
    const shared = { domain: name, signedBy: "mail.example", namespace: "platform" };
    const starter: TenantContract = {
      ...shop,
      environments: shop.environments.map((each) => ({
        name: each.name,
        mode: each.mode,
        credentials: each.credentials,
      })),
      domains: "Shared",
      shared,
    };
    test.each<[string, string, string, TenantContract, string]>([
      [name, "platform", "production00", starter, "Accept"],
      [name, "platform", "staging00000", starter, "Accept"],
      ["mail.example", "platform", "production00", starter, "SenderDomainNotAllowed"],
      ["bank.team-bank.mail.example", "platform", "production00", starter, "SenderDomainNotAllowed"],
      [`x.${name}`, "platform", "production00", starter, "SenderDomainNotAllowed"],
      ["shop.example", "platform", "production00", starter, "SenderDomainNotAllowed"],
      ["soon.example", "platform", "staging00000", starter, "SenderDomainNotAllowed"],
      [name, "team-thief", "production00", starter, "SenderDomainNotAllowed"],
      [name, "team-thief", "staging00000", starter, "SenderDomainNotAllowed"],
      [name, "platform", "staging00000", { ...starter, domains: "Own" }, "SenderDomainNotAllowed"],
      [name, "platform", "production00", shop, "SenderDomainNotAllowed"],
    ])("from %s, shared domain held in %s, by %s", (...[sender, namespace, id, tenant, reason]) => {
      const from = buildDirectory([tenant], [...domains, holder(namespace)]);
      expect(reasonOf(decide(submissionChecks, of(id, sender, undefined, from)))).toBe(reason);
      const author = reason === "Accept" ? reason : "FromDomainNotAllowed";
      expect(reasonOf(decide(submissionChecks, of(id, undefined, sender, from)))).toBe(author);
    });
  });

  test("an unproven domain is not delivered from", () => {
    const [production, ...others] = shop.environments;
    const environments = [{ ...production!, domains: ["soon.example"] }, ...others];
    const facts = of("production00", "soon.example", undefined, buildDirectory([{ ...shop, environments }], domains));
    expect(reasonOf(decide(submissionChecks, facts))).toBe("SenderDomainNotAllowed");
  });
});
