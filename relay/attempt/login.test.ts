import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { startMxSink } from "../../test/harness/mx-sink.ts";
import {
  startSmarthost,
  testCertificate,
  type SmarthostOptions,
  type TestCertificate,
  type TestSmarthost,
} from "../../test/harness/smarthost.ts";
import type { SmarthostLogin } from "../../contract/smarthost-secret.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Hop } from "../route/hop.ts";
import { attempt, type AttemptRequest } from "./attempt.ts";
import { chooseMechanism, withoutPassword } from "./login.ts";
import { createPool, type Pool } from "./pool.ts";
import { openSession, type Session } from "./session.ts";

const host = "smtp.example.net";
const password = "S3cret=Passw0rd";
const request: AttemptRequest = {
  sender: "bounce@example.com",
  recipients: ["a@example.net"],
  content: [Buffer.from("Subject: x\r\n\r\nHello\r\n")],
  eightBit: false,
  smtpUtf8: false,
};

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await testCertificate(host);
});
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function serve(options: Partial<SmarthostOptions> = {}): Promise<TestSmarthost> {
  const server = await startSmarthost({ certificate, accounts: { shop: password, other: "other" }, ...options });
  closers.push(() => server.close());
  return server;
}

/** The Secrets that hops name. */
const secrets: Record<string, SmarthostLogin> = {
  right: { username: "shop", password },
  wrong: { username: "shop", password: `${password}!` },
  other: { username: "other", password: "other" },
};

function poolOf(authority: string | undefined = certificate.authority, timeout = 2000): Pool {
  const limits = {
    connectTimeout: timeout,
    greetingTimeout: timeout,
    commandTimeout: timeout,
    dataTimeout: timeout,
    ...(authority !== "" && { ca: [authority] }),
  };
  const options = { hostname: "relay.example", limits, clock: systemClock, loginOf: (name: string) => secrets[name] };
  const pool = createPool({
    open: (hop, signal) => openSession(hop, options, signal),
    limits: { connectionsPerHop: 2, messagesPerConnection: 50, idleTimeout: 5000, unreachableFor: 60_000 },
    clock: systemClock,
  });
  closers.push(() => pool.close());
  return pool;
}

const hopTo = (port: number, login: string, tls: Hop["tls"] = { start: "Required", verify: true }): Hop => ({
  host,
  address: "127.0.0.1",
  port,
  tls,
  login,
});

const try1 = async (hops: readonly Hop[], pool = poolOf()) => {
  const [result] = await attempt(request, hops, pool);
  if (result === undefined) throw new Error("no result");
  return result;
};

/** A refusal that repeats what was said, as no server should. */
const echo = (said: string): string =>
  `535 5.7.8 Bad ${said} ${Buffer.from(said).toString("base64")} ${Buffer.from(`\0shop\0${said}`).toString("base64")}`;

const wantsLogin: Session["send"] = () =>
  Promise.resolve({ replies: { mail: "530 5.7.0 Authentication required", recipients: [] }, stage: "Mail" });

describe("a smarthost with credentials", () => {
  test.each([
    ["PLAIN and LOGIN", ["PLAIN", "LOGIN"], false, "PLAIN"],
    ["LOGIN alone", ["LOGIN"], false, "LOGIN"],
    ["what we do not speak, and LOGIN", ["CRAM-MD5", "XOAUTH2", "LOGIN"], false, "LOGIN"],
    ["PLAIN over TLS from the start", ["PLAIN"], true, "PLAIN"],
  ] as const)("that offers %s is logged in to", async (_, methods, implicit, method) => {
    const server = await serve({ methods, implicit });
    const tls: Hop["tls"] = { start: implicit ? "Implicit" : "Required", verify: true };
    const { result, tls: session } = await try1([hopTo(server.port, "right", tls)]);
    expect(result.kind).toBe("Success");
    expect(session?.verified).toBe(true);
    expect(server.logins).toMatchObject([{ method, user: "shop", password }]);
    expect(server.received).toMatchObject([{ user: "shop" }]);
  });

  test("that offers no mechanism of ours is a failure for now, and gets no password", async () => {
    const server = await serve({ methods: ["CRAM-MD5"] });
    expect((await try1([hopTo(server.port, "right")])).result).toEqual({
      kind: "Temporary",
      class: "AuthenticationFailed",
      enhanced: "4.7.8",
      text: "the smarthost did not accept the credentials: it offers neither AUTH PLAIN nor AUTH LOGIN",
    });
    expect(server.logins).toEqual([]);
  });

  test.each([
    ["is of an authority that nobody trusts", { start: "Required", verify: true }, ""],
    ["is of an authority that nobody trusts (TLS from the start)", { start: "Implicit", verify: true }, ""],
    ["is not verified", { start: "Required", verify: false }, undefined],
    ["is not verified (TLS from the start)", { start: "Implicit", verify: false }, undefined],
  ] as const)("whose certificate %s gets no password", async (_, tls, authority) => {
    const server = await serve({ implicit: tls.start === "Implicit" });
    const { result } = await try1([hopTo(server.port, "right", tls)], poolOf(authority));
    expect(result).toMatchObject({ kind: "Temporary", class: "TLSFailed" });
    expect(server.logins).toEqual([]);
    expect(server.received).toEqual([]);
  });

  test.each(["Never", "IfOffered"] as const)("with TLS %s gets no password in clear", async (start) => {
    const said: string[] = [];
    const sink = await startMxSink({
      without: ["STARTTLS"],
      script({ stage }) {
        said.push(stage);
        return undefined;
      },
    });
    closers.push(() => sink.close());
    const { result } = await try1([hopTo(sink.port, "right", { start, verify: false })]);
    expect(result).toMatchObject({ kind: "Temporary", class: "TLSFailed" });
    expect(said).not.toContain("AUTH");
    expect(sink.received).toEqual([]);
  });

  test("that refuses the password keeps the mail waiting: the next hop is asked, and no reply tells the password", async () => {
    const [bad, good] = [await serve({ refusal: echo }), await serve()];
    const pool = poolOf();
    const { result, hop } = await try1([hopTo(bad.port, "wrong")], pool);
    expect(result).toEqual({
      kind: "Temporary",
      class: "AuthenticationFailed",
      enhanced: "4.7.8",
      text: "the smarthost did not accept the credentials: 535 5.7.8 Bad [password] [password] [password]",
    });
    expect(hop).toMatchObject({ host, port: bad.port });
    const through = await try1([hopTo(bad.port, "wrong"), hopTo(good.port, "right")], pool);
    expect([through.result.kind, through.hop?.port]).toEqual(["Success", good.port]);
    // Whoever comes with a wrong password again and again is locked out; other credentials are tried at once.
    expect(bad.logins).toHaveLength(1);
    expect((await try1([hopTo(bad.port, "right")], pool)).result.kind).toBe("Success");
  });

  test.each([
    ["454 4.7.0 later", { class: "AuthenticationFailed", enhanced: "4.7.0" }],
    ["534 5.7.9 use an app password", { class: "AuthenticationFailed", enhanced: "4.7.9" }],
    ["550 5.1.1 no such user", { class: "AuthenticationFailed", enhanced: "4.1.1" }],
    ["421 4.3.2 going away", { class: "SystemTrouble", enhanced: "4.3.2" }],
  ])("that answers AUTH with %s bounces nothing", async (reply, expected) => {
    const server = await serve({ refusal: () => reply });
    expect((await try1([hopTo(server.port, "wrong")])).result).toMatchObject({ kind: "Temporary", ...expected });
  });

  test("that repeats the password in a later reply is told without it", async () => {
    const server = await serve({ sender: () => `550 5.7.1 ${password} may not send` });
    expect((await try1([hopTo(server.port, "right")])).result).toMatchObject({
      kind: "Permanent",
      text: "550 5.7.1 [password] may not send",
    });
  });

  test("that wants credentials again in a session that stood bounces nothing", async () => {
    const server = await serve({ methods: ["PLAIN"] });
    const pool = poolOf();
    const acquired = await pool.acquire(hopTo(server.port, "right"));
    if (!("session" in acquired)) throw new Error("no session");
    const { session } = acquired;
    pool.release(Object.assign(session, { send: wantsLogin }), true);
    expect((await try1([hopTo(server.port, "right")], pool)).result).toMatchObject({
      kind: "Temporary",
      class: "AuthenticationFailed",
      text: "the smarthost did not accept the credentials: 530 5.7.0 Authentication required",
    });
  });

  test("whose Secret is not there is not connected to", async () => {
    const server = await serve();
    const { result } = await try1([hopTo(server.port, "nowhere")]);
    expect(result).toMatchObject({ kind: "Temporary", class: "CredentialsMissing" });
    expect(server.connections).toBe(0);
  });
});

test("a session of one tenant's credentials is never used for another's, nor for none", async () => {
  const server = await serve();
  const pool = poolOf();
  for (const login of ["right", "other", "right", "other", "right"]) await try1([hopTo(server.port, login)], pool);
  const { login: _, ...bare } = hopTo(server.port, "right");
  expect((await try1([bare], pool)).result.kind).not.toBe("Success");
  expect(server.logins.map(({ user }) => user)).toEqual(["shop", "other"]);
  expect(server.received.map(({ user }) => user)).toEqual(["shop", "other", "shop", "other", "shop"]);
  expect(new Set(server.received.map(({ session, user }) => `${session} ${user}`)).size).toBe(2);
});

test.each([
  [undefined, undefined],
  ["", undefined],
  ["LOGIN PLAIN", "PLAIN"],
  ["login", "LOGIN"],
  ["CRAM-MD5 XOAUTH2", undefined],
  ["PLAIN-CLIENTTOKEN", undefined],
])("of the mechanisms %j we choose %j", (offered, chosen) => expect(chooseMechanism(offered)).toBe(chosen));

test.each([
  ["you said hunter2, twice hunter2", "you said [password], twice [password]"],
  [`AUTH PLAIN ${Buffer.from("\0shop\0hunter2").toString("base64")}`, "AUTH PLAIN [password]"],
  [Buffer.from("hunter2").toString("base64"), "[password]"],
  [Buffer.from("hunter2").toString("base64url"), "[password]"],
  ["250 fine", "250 fine"],
])("%j is told as %j", (text, clean) => {
  expect(withoutPassword({ username: "shop", password: "hunter2" })(text)).toBe(clean);
});
