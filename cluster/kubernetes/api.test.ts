import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAuthority } from "../../test/harness/control-plane-pki.ts";
import { createManualClock, type ManualClock } from "../../test/harness/manual-clock.ts";
import { passUntil } from "../../test/harness/passing-time.ts";
import { startStubApiServer, type StubApiServer } from "../../test/harness/stub-api-server.ts";
import { status } from "../../test/harness/stub-faults.ts";
import { ApiError } from "./api-error.ts";
import { openApi, type Api } from "./api.ts";

let stub: StubApiServer;
let clock: ManualClock;
let api: Api;
let metrics: Registry;
beforeEach(async () => {
  stub = await startStubApiServer();
  clock = createManualClock(Date.parse("2026-11-02T12:00:00Z"));
  metrics = new Registry();
  api = await open(stub.kubeconfig());
});
afterEach(async () => {
  await api.close();
  await stub.close();
});
const open = (kubeconfig: string): Promise<Api> =>
  openApi({ kubeconfig, clock, log: pino({ level: "silent" }), metrics });

const path = "/api/v1/namespaces/a/configmaps";
/** What became of a promise, while the clock moves. */
const outcome = async (promise: Promise<unknown>): Promise<{ value?: unknown; error?: unknown; took: number }> => {
  let settled: { value?: unknown; error?: unknown } | undefined;
  promise.then(
    (value) => (settled = { value }),
    (error: unknown) => (settled = { error }),
  );
  const took = await passUntil(clock, () => settled !== undefined);
  return { ...settled, took };
};

describe("a request", () => {
  test("carries its query, its body and who asks", async () => {
    stub.fault = ({ query, headers, path: at }) => ({
      code: 200,
      body: {
        at,
        query: [...query],
        type: headers["content-type"],
        who: headers.authorization,
        as: headers["user-agent"],
      },
    });
    const request = { method: "PATCH", path, query: { force: "true", none: undefined }, body: {} } as const;
    expect(await api.request({ ...request, contentType: "application/apply-patch+yaml" })).toEqual({
      at: path,
      query: [["force", "true"]],
      type: "application/apply-patch+yaml",
      who: "Bearer stub",
      as: "posthouse",
    });
  });

  test("is refused with what the server says", async () => {
    stub.fault = () => status(403, "Forbidden");
    const { error } = await outcome(api.request({ method: "GET", path }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 403, reason: "Forbidden", message: `GET ${path}: 403 Forbidden` });
  });

  const strange: readonly [what: string, body: unknown, text: string][] = [
    ["a proxy's page", "<html>no such host</html>", "502 <html>no such host</html>"],
    ["nothing", "", "502 no reason given"],
    ["JSON that is no Status", [1], "502 no reason given"],
  ];
  test.each(strange)("is refused by %s", async (_what, body, text) => {
    stub.fault = () => ({ code: 502, body });
    expect((await outcome(api.request({ method: "GET", path }))).error).toMatchObject({
      code: 502,
      message: `GET ${path}: ${text}`,
    });
  });

  test("ends when its time is over, also in the middle of waiting for patience", async () => {
    stub.fault = () => "Hang";
    const hung = await outcome(api.request({ method: "GET", path }));
    expect(hung.error).toMatchObject({ message: `GET ${path}: no answer in time` });
    expect(hung.took).toBeGreaterThanOrEqual(29_000);
    expect(hung.error).not.toBeInstanceOf(ApiError);
    expect((await outcome(api.request({ method: "GET", path, deadline: 2000 }))).took).toBeLessThan(4000);
    stub.fault = () => status(429, "TooManyRequests", { "retry-after": "3" });
    const impatient = await outcome(api.request({ method: "GET", path, deadline: 8000 }));
    expect(impatient.error).toMatchObject({ code: 429, retryAfter: 3000 });
  });

  test("is sent again after the pause that the server asks for", async () => {
    let refused = 2;
    stub.fault = () => (refused-- > 0 ? status(429, "TooManyRequests", { "retry-after": "3" }) : undefined);
    const { value, took } = await outcome(api.request({ method: "GET", path }));
    expect(value).toMatchObject({ kind: "List" });
    expect(took).toBeGreaterThanOrEqual(6000);
  });

  test("is not sent again where that could do it twice", async () => {
    stub.fault = () => "Reset";
    const { error } = await outcome(api.request({ method: "POST", path, body: { metadata: { name: "x" } } }));
    expect(String(error)).toMatch(/^Error: POST \/api\/v1\/namespaces\/a\/configmaps: /);
    expect(stub.requests).toHaveLength(1);
  });

  test("that was refused after another had found new credentials is sent again too", async () => {
    const kubeconfig = stub.kubeconfig({ token: "first" });
    const rotated = await openApi({ kubeconfig, clock, log: pino({ level: "silent" }) });
    const elsewhere = "/api/v1/namespaces/b/configmaps";
    const refused = Promise.withResolvers<undefined>();
    const answered = new Set<string>();
    stub.fault = async ({ headers, path: at }) => {
      if (at === elsewhere && !answered.has(at)) await refused.promise;
      answered.add(at);
      return headers.authorization === "Bearer second" ? undefined : status(401, "Unauthorized");
    };
    const late = outcome(rotated.request({ method: "GET", path: elsewhere }));
    await passUntil(clock, () => stub.requests.length === 1);
    stub.kubeconfig({ token: "second" });
    expect((await outcome(rotated.request({ method: "GET", path }))).value).toMatchObject({ kind: "List" });
    refused.resolve(undefined);
    expect((await late).value).toMatchObject({ kind: "List" });
    await rotated.close();
  });

  test("is broken off by its caller, with the caller's reason", async () => {
    stub.fault = () => "Hang";
    const caller = new AbortController();
    const pending = api.request({ method: "GET", path, signal: caller.signal });
    await passUntil(clock, () => stub.requests.length === 1);
    const reason = new Error("enough");
    caller.abort(reason);
    expect((await outcome(pending)).error).toBe(reason);
  });

  test("is broken off when all are closed, on a connection of old too; none is sent after that", async () => {
    stub.fault = () => "Hang";
    const failure = (): Promise<unknown> =>
      api.request({ method: "GET", path, deadline: Infinity }).catch((error: unknown) => error);
    const failures = [failure()];
    await passUntil(clock, () => stub.requests.length === 1);
    // The pool that the first one is on is not trusted any more.
    await outcome(api.request({ method: "GET", path, deadline: 2000 }));
    failures.push(failure());
    await passUntil(clock, () => stub.requests.length === 3);
    await api.close();
    failures.push(failure());
    const closed = expect.objectContaining({ message: `GET ${path}: the connections to the API server are closed` });
    expect(await Promise.all(failures)).toEqual([closed, closed, closed]);
    expect(stub.requests).toHaveLength(3);
  });

  test("says nothing of a Secret when it fails", async () => {
    stub.fault = () => "Reset";
    const body = { data: { password: "open sesame" } };
    const { error } = await outcome(api.request({ method: "POST", path: "/api/v1/namespaces/a/secrets", body }));
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("sesame");
  });

  test("says nothing of a Secret in an answer that breaks off", async () => {
    const headers = { "content-type": "application/json" };
    stub.fault = () => ({ code: 200, headers, body: '{"data":{"password":sesame}}' });
    const { error } = await outcome(api.request({ method: "GET", path: "/api/v1/namespaces/a/secrets/b" }));
    expect(String(error)).toBe("Error: GET /api/v1/namespaces/a/secrets/b: the answer is no JSON");
    expect(inspect(error)).not.toContain("sesame");
  });

  test("is refused by its status where the answer claims to be JSON and is none", async () => {
    stub.fault = () => ({ code: 403, headers: { "content-type": "application/json" }, body: "<html>" });
    expect((await outcome(api.request({ method: "GET", path }))).error).toMatchObject({ code: 403 });
  });

  test("is counted by code and method", async () => {
    await api.request({ method: "GET", path });
    stub.fault = () => status(404, "NotFound");
    await outcome(api.request({ method: "DELETE", path: `${path}/x` }));
    stub.fault = () => "Reset";
    await outcome(api.request({ method: "GET", path }));
    const text = await metrics.metrics();
    const { host } = new URL(stub.url);
    expect(text).toContain(`rest_client_requests_total{code="200",host="${host}",method="GET"} 1`);
    expect(text).toContain(`rest_client_requests_total{code="404",host="${host}",method="DELETE"} 1`);
    expect(text).toContain(`rest_client_requests_total{code="<error>",host="${host}",method="GET"} 1`);
  });

  test("goes below the path of a server that has one", async () => {
    const plain = await openApi({
      kubeconfig: stub.kubeconfig({ username: "u", password: "p" }, { server: `${stub.url}/k8s/clusters/c1/` }),
      clock,
      log: pino({ level: "silent" }),
    });
    stub.fault = ({ path: at, headers }) => ({ code: 200, body: [at, headers.authorization] });
    expect(await plain.request({ method: "GET", path })).toEqual([`/k8s/clusters/c1${path}`, "Basic dTpw"]);
    await plain.close();
  });
});

describe("a stream", () => {
  test("says nothing of a Secret in a line that is none", async () => {
    const done = api.stream({ method: "GET", path, query: { watch: "1" } }, () => undefined);
    await passUntil(clock, () => stub.watches() === 1);
    stub.send('{"password":sesame}\n');
    const { error } = await outcome(done);
    expect(String(error)).toContain("the answer is no JSON");
    expect(inspect(error)).not.toContain("sesame");
  });

  test("gives each line whole, however it is cut", async () => {
    const lines: unknown[] = [];
    const done = api.stream({ method: "GET", path, query: { watch: "1" } }, (line) => lines.push(line));
    await passUntil(clock, () => stub.watches() === 1);
    const text = `${JSON.stringify({ text: "é\u2028" })}\n\n{"a"`;
    for (const part of [text, ":1", "}\n", "[2]\n[3]\n"]) {
      stub.send(part);
      await passUntil(clock, () => true);
    }
    stub.cut("End");
    await outcome(done);
    expect(lines).toEqual([{ text: "é\u2028" }, { a: 1 }, [2], [3]]);
  });

  test("outlives the deadline of its beginning", async () => {
    let isOpen = false;
    const request = { method: "GET", path, query: { watch: "1" }, deadline: 5000 } as const;
    const done = api.stream(request, () => undefined, { onOpen: () => void (isOpen = true) });
    await passUntil(clock, () => isOpen);
    await clock.advance(60_000);
    stub.cut("End");
    expect((await outcome(done)).error).toBeUndefined();
  });

  test("ends with what its reader throws", async () => {
    const done = api.stream({ method: "GET", path, query: { watch: "1" } }, () => {
      throw new Error("unreadable");
    });
    await passUntil(clock, () => stub.watches() === 1);
    stub.send({});
    expect(String((await outcome(done)).error)).toContain("unreadable");
    await passUntil(clock, () => stub.watches() === 0);
  });

  test("is broken off when all is closed", async () => {
    const done = outcome(api.stream({ method: "GET", path, query: { watch: "1" } }, () => undefined));
    await passUntil(clock, () => stub.watches() === 1);
    await api.close();
    expect((await done).error).toBeInstanceOf(Error);
  });
});

test.each([
  ["a file that is not there", "/nowhere/kubeconfig", /no such file/],
  ["a file without a cluster", undefined, /no current context/],
])("does not open with %s", async (_what, file, message) => {
  const kubeconfig = file ?? stub.kubeconfig();
  const options = { clock, log: pino({ level: "silent" }) };
  if (file === undefined)
    writeFileSync(kubeconfig, "apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n");
  await expect(openApi({ kubeconfig, ...options })).rejects.toThrow(message);
});

test("a plugin for credentials that hangs holds no request beyond its deadline", { timeout: 60_000 }, async () => {
  const hangs = join(stub.folder, "plugin-hangs");
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "of-a-plugin", expirationTimestamp: "2001-01-01T00:00:00Z" },
  };
  const plugin = `while [ -e '${hangs}' ]; do sleep 0.05; done; echo '${JSON.stringify(credential)}'`;
  const exec = { apiVersion: credential.apiVersion, command: "sh", args: ["-c", plugin] };
  const kubeconfig = stub.kubeconfig({ exec });
  const slow = await openApi({ kubeconfig, clock, log: pino({ level: "silent" }) });
  expect(await slow.request({ method: "GET", path })).toMatchObject({ kind: "List" });
  writeFileSync(hangs, "");
  await clock.advance(61_000);
  const { error, took } = await outcome(slow.request({ method: "GET", path, deadline: 5000 }));
  expect(String(error)).toBe(`Error: GET ${path}: no credentials in time`);
  expect(took).toBeLessThan(6000);
  const brokenOff = outcome(slow.request({ method: "GET", path }));
  await slow.close();
  expect(String((await brokenOff).error)).toContain("the connections to the API server are closed");
  rmSync(hangs);
  stub.fault = ({ headers }) => ({ code: 200, body: headers.authorization });
  const again = await openApi({ kubeconfig, clock, log: pino({ level: "silent" }) });
  expect(await again.request({ method: "GET", path })).toBe("Bearer of-a-plugin");
  await again.close();
});

test("a certificate of an unknown authority has the authorities read again at once", async () => {
  const [first, second] = [await createAuthority(), await createAuthority()];
  const server = await startStubApiServer(await first.server(["127.0.0.1"]));
  const ca = join(server.folder, "ca.crt");
  writeFileSync(ca, second.ca);
  const kubeconfig = server.kubeconfig({ token: "stub" }, { "certificate-authority": ca });
  const secure = await openApi({ kubeconfig, clock, log: pino({ level: "silent" }) });
  await expect(secure.request({ method: "GET", path })).rejects.toThrow(/certificate/);
  writeFileSync(ca, first.ca);
  const ask = async () => (await secure.request({ method: "GET", path })) as { kind: string };
  const { kind } = await vi.waitFor(ask, { timeout: 20_000 });
  expect(kind).toBe("List");
  await secure.close();
  await server.close();
});
