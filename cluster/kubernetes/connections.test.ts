import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { startApiProxy } from "../../test/harness/api-proxy.ts";
import { startConnectProxy, type ConnectProxy } from "../../test/harness/connect-proxy.ts";
import { createAuthority } from "../../test/harness/control-plane-pki.ts";
import { createManualClock, type ManualClock } from "../../test/harness/manual-clock.ts";
import { pass } from "../../test/harness/passing-time.ts";
import { startStubApiServer, type StubApiServer } from "../../test/harness/stub-api-server.ts";
import { openApi, type Api } from "./api.ts";

let stub: StubApiServer;
let clock: ManualClock;
beforeEach(async () => {
  stub = await startStubApiServer();
  clock = createManualClock(Date.parse("2026-11-02T12:00:00Z"));
});
afterEach(() => stub.close());

async function open(kubeconfig: string): Promise<Api> {
  const api = await openApi({ kubeconfig, clock, log: pino({ level: "silent" }) });
  onTestFinished(() => api.close());
  return api;
}
const path = "/api/v1/namespaces/a/configmaps";
const ask = (api: Api, deadline?: number): Promise<unknown> =>
  api.request({ method: "GET", path, ...(deadline !== undefined && { deadline }) });
const list = expect.objectContaining({ kind: "List" });

test("requests one after the other share a connection", async () => {
  const api = await open(stub.kubeconfig());
  for (let count = 0; count < 10; count++) expect(await ask(api)).toEqual(list);
  expect(stub.connections()).toBeLessThan(4);
});

test("where all connections went deaf together, one request is late, and those after it have connections of their own", async () => {
  const proxy = await startApiProxy(Number(new URL(stub.url).port));
  onTestFinished(() => proxy.close());
  const api = await open(stub.kubeconfig(undefined, { server: `http://127.0.0.1:${proxy.port}` }));
  const held = Promise.withResolvers<undefined>();
  stub.fault = () => held.promise;
  const together = Promise.all([ask(api), ask(api), ask(api)]);
  await vi.waitFor(() => expect(stub.requests).toHaveLength(3), { timeout: 20_000, interval: 5 });
  held.resolve(undefined);
  expect(await together).toEqual([list, list, list]);
  expect(proxy.connections).toBe(3);
  // A connection is idle a moment after its answer.
  await pass(clock, 10);
  proxy.stall();
  const late = ask(api, 2000).catch(String);
  await pass(clock, 2500);
  expect(await late).toContain("no answer in time");
  // No time passes for these by the clock.
  expect(await Promise.all([ask(api), ask(api), ask(api)])).toEqual([list, list, list]);
  expect(proxy.connections).toBe(6);
});

describe("through the proxy of a kubeconfig", () => {
  let proxy: ConnectProxy;
  let secure: StubApiServer;
  let ca: string;
  beforeEach(async () => {
    const authority = await createAuthority();
    secure = await startStubApiServer(await authority.server(["127.0.0.1"]));
    proxy = await startConnectProxy("bob:hunter2");
    ca = join(secure.folder, "ca.crt");
    writeFileSync(ca, authority.ca);
  });
  afterEach(async () => {
    await proxy.close();
    await secure.close();
  });
  const through = (url: string): string =>
    secure.kubeconfig({ token: "stub" }, { "certificate-authority": ca, "proxy-url": url });

  test("requests go in tunnels, with its user and password", async () => {
    const api = await open(through(`http://bob:hunter2@${proxy.address}`));
    for (let count = 0; count < 10; count++) expect(await ask(api)).toEqual(list);
    expect(new Set(proxy.tunnels)).toEqual(new Set([new URL(secure.url).host]));
    expect(proxy.tunnels.length).toBeLessThan(4);
    expect(secure.requests.filter(({ headers }) => headers["proxy-authorization"] !== undefined)).toEqual([]);
  });

  test("a wrong password is said, not shown", async () => {
    const api = await open(through(`http://bob:sesame@${proxy.address}`));
    const failure = await ask(api).catch((error: unknown) => error);
    expect(String(failure)).toMatch(/^Error: GET \/api\/v1\/namespaces\/a\/configmaps: .*407/);
    for (const secret of ["sesame", Buffer.from("bob:sesame").toString("base64")])
      expect(inspect(failure, { depth: 9 })).not.toContain(secret);
    expect(proxy.tunnels).toEqual([]);
  });

  test.each([
    ["of another scheme", "socks5://bob:hunter2@127.0.0.1:1080", "proxy-url socks5://127.0.0.1:1080 is no URL of http"],
    ["without a scheme", "bob:hunter2@127.0.0.1:3128", "proxy-url is no URL of http"],
    ["that is no URL", "http://bob:hunter2@a b:3128", "proxy-url is no URL of http"],
  ])("one %s is refused, and its password not shown", async (_what, url, message) => {
    const failure: unknown = await open(through(url)).catch((error: unknown) => error);
    expect(String(failure)).toContain(message);
    expect(inspect(failure, { depth: 9 })).not.toMatch(/bob|hunter2/);
  });
});
