import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { stringify } from "yaml";
import { openApi } from "../../cluster/kubernetes/api.ts";
import { tokenReviewer } from "../../cluster/kubernetes/token-review.ts";
import { usageFromRelays } from "../../cli/relay-usage.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { allow, putContracts, relayRules } from "../harness/api-server-contracts.ts";
import { type Daemon, daemon } from "../harness/daemon.ts";
import { writeKubeconfig } from "../harness/kubeconfig-file.ts";
import { freePorts } from "../harness/posthouse.ts";
import { startRedis } from "../harness/redis.ts";
import { dialogue, type Dialogue } from "../harness/smtp-dialogue.ts";
import { domains, keyOf, plainOf, shop } from "../harness/submission.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 120_000;
const main = new URL("../../cli/main.ts", import.meta.url).pathname;
const plane = withControlPlane();
const relays: Relay[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.process.kill();
});

interface Relay {
  readonly process: Daemon;
  readonly adminPort: number;
  readonly get: (path: string, token?: string) => Promise<{ status: number; body: string }>;
  readonly connect: () => Promise<Dialogue>;
  /** The reply to AUTH with the key of this id. */
  readonly login: (id?: string) => Promise<{ client: Dialogue; reply: string }>;
  /** The reply to the end of DATA. */
  readonly send: () => Promise<string>;
}

/** A namespace for contracts, with the ServiceAccounts of a relay and an operator. */
async function release(): Promise<{ namespace: string; kubeconfig: string }> {
  const namespace = await plane().namespace();
  const account = { namespace, name: "posthouse-relay" };
  const kubeconfig = await plane().serviceAccountKubeconfig(namespace, account.name);
  await allow(plane(), account, relayRules.contracts);
  await allow(plane(), account, relayRules.tokens, "cluster");
  return { namespace, kubeconfig };
}

async function startRelay(namespace: string, kubeconfig: string, fleet: object = {}): Promise<Relay> {
  const [smtp = 0, adminPort = 0] = await freePorts(2);
  const folder = join(plane().folder, `relay-${adminPort}`);
  const file = `${folder}.fleet.yaml`;
  const listeners = [{ name: "submissions", host: "127.0.0.1", port: smtp, tls: "Implicit" }];
  await writeFile(
    file,
    stringify({ hostname: "relay.example", listeners, admin: { host: "127.0.0.1", port: adminPort }, ...fleet }),
  );
  const reader = `${namespace}/posthouse-operator`;
  const given = ["--fleet", file, "--state", folder, "--kubeconfig", kubeconfig, "--namespace", namespace];
  const process = daemon("relay", {
    program: globalThis.process.execPath,
    args: [main, "relay", "--kubernetes", ...given, "--usage-reader", reader],
    reaper: plane().reaper,
  });
  await process.start();
  const get: Relay["get"] = async (path, token) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { headers });
    return { status: response.status, body: await response.text() };
  };
  const connect = (): Promise<Dialogue> => dialogue({ port: smtp, implicitTls: true });
  const login: Relay["login"] = async (id = "production00") => {
    const client = await connect();
    await client.reply();
    await client.say("EHLO client.example");
    return { client, reply: await client.say(`AUTH PLAIN ${plainOf(keyOf(id))}`) };
  };
  const send = async (): Promise<string> => {
    const { client, reply } = await login();
    if (!reply.startsWith("235")) return reply;
    for (const line of ["MAIL FROM:<a@shop.example>", "RCPT TO:<you@there.example>", "DATA"]) await client.say(line);
    const answer = await client.say("From: a@shop.example\r\n\r\nx\r\n.");
    client.close();
    return answer;
  };
  const relay = { process, adminPort, get, connect, login, send };
  relays.push(relay);
  return relay;
}

/** Waits until the admin port says so; its body. */
function readyz(relay: Relay, status: number): Promise<string> {
  return until(
    `readyz is ${status}:\n${relay.process.output()}`,
    async () => {
      relay.process.check();
      const answer = await relay.get("/readyz").catch(() => undefined);
      return answer?.status === status ? answer.body : undefined;
    },
    patience,
  );
}

/** SIGTERM; resolves when it is gone. */
async function terminate({ process: { pid, check } }: Relay): Promise<void> {
  process.kill(pid(), "SIGTERM");
  await until(
    "the relay ends",
    async () => {
      try {
        check();
        return undefined;
      } catch {
        return true;
      }
    },
    patience,
  );
}

async function replyTo(relay: Relay, id: string): Promise<string> {
  const { client, reply } = await relay.login(id);
  client.close();
  return reply;
}

describe("a relay on the contracts of an API server", () => {
  test("waits for it, works without it, and hears at once of what it revokes", { timeout: 300_000 }, async () => {
    const { namespace, kubeconfig } = await release();
    await putContracts(plane(), namespace, { tenants: [shop], domains });

    await plane().apiServer.kill();
    const relay = await startRelay(namespace, kubeconfig);
    expect(await readyz(relay, 503)).toBe("the API server has not told all contracts and keys yet\n");
    expect((await relay.get("/healthz")).status).toBe(200);
    await until("the log says for what", async () => relay.process.output().includes("ECONNREFUSED") || undefined);
    await plane().apiServer.start();
    await readyz(relay, 200);
    expect(await relay.send()).toMatch(/^250/);

    await plane().apiServer.kill();
    expect(await relay.send()).toMatch(/^250/);
    expect((await relay.get("/readyz")).status).toBe(200);
    expect((await relay.get("/metrics")).body).toMatch(/^posthouse_contracts_age_seconds [0-9.]+$/m);
    await plane().apiServer.start();

    const { environments } = shop;
    const [production, ...others] = environments;
    const added = {
      ...production!,
      name: "added",
      credentials: [{ ...production!.credentials[0]!, id: "added0000000" }],
    };
    await putContracts(plane(), namespace, { tenants: [{ ...shop, environments: [...environments, added] }] });
    await until(
      "it hears of what came meanwhile",
      async () => (await replyTo(relay, "added0000000")).startsWith("235") || undefined,
      patience,
    );

    const { client } = await relay.login();
    await putContracts(plane(), namespace, { tenants: [{ ...shop, environments: others }] });
    const revoked = async (): Promise<true | undefined> =>
      (await replyTo(relay, "production00")).startsWith("535") || undefined;
    await until("the key is refused", revoked, patience);
    expect(await client.say("MAIL FROM:<a@shop.example>")).toMatch(/^421 4\.7\.0 Credentials are no longer valid/);
    await terminate(relay);
  });

  test("tells the operator alone what tenants have used", { timeout: 120_000 }, async () => {
    const { namespace, kubeconfig } = await release();
    await putContracts(plane(), namespace, { tenants: [shop], domains });
    const relay = await startRelay(namespace, kubeconfig);
    await readyz(relay, 200);
    expect(await relay.send()).toMatch(/^250/);

    const tokens = await issueTokens(namespace);
    const path = "/v1/usage?tenant=team-shop/shop";
    expect((await relay.get(path)).status).toBe(401);
    expect((await relay.get(path, tokens.other)).status).toBe(403);
    expect((await relay.get(path, tokens.elsewhere)).status).toBe(401);
    const told = await relay.get(path, tokens.operator);
    expect(JSON.parse(told.body)).toMatchObject({ tenants: { "team-shop/shop": { credits: { used: 1 } } } });

    await runsAsPod(namespace, relay);
    const tokenFile = join(plane().folder, `${namespace}.token`);
    await writeFile(tokenFile, tokens.operator);
    const log = createLogger({ level: "fatal", destination: { write: () => undefined } });
    const api = await openApi({ kubeconfig: plane().kubeconfig, clock: systemClock, log });
    const source = usageFromRelays({ api, namespace, clock: systemClock, random: Math.random, tokenFile });
    const rows = await source.usage(["team-shop/shop", "team-shop/nobody"]);
    await api.close();
    await mayNotAsk(namespace, tokens.operator);
    expect([...rows]).toMatchObject([["team-shop/shop", { credits: { used: 1, period: "once" } }]]);
    await terminate(relay);
  });

  test("may be several processes on a Redis that the environment names", { timeout: 120_000 }, async () => {
    const { namespace, kubeconfig } = await release();
    await putContracts(plane(), namespace, { tenants: [shop], domains });
    const redis = await startRedis({ config: { requirepass: "hunter2" } });
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await redis.close();
    });
    vi.stubEnv("POSTHOUSE_STORE", `redis://:hunter2@${redis.host}:${redis.port}`);
    const relay = await startRelay(namespace, kubeconfig, { workers: 2 });
    await readyz(relay, 200);
    expect(await relay.send()).toMatch(/^250/);
    expect((await relay.get("/metrics")).body).toMatch(/^posthouse_contracts_age_seconds [0-9.]+$/m);
    const { operator } = await issueTokens(namespace);
    expect((await relay.get("/v1/usage?tenant=team-shop/shop", operator)).body).toContain('"used":1');
    await terminate(relay);
    expect(relay.process.output()).not.toContain("hunter2");
  });

  test("ends when it is told to while it waits", { timeout: 120_000 }, async () => {
    const [closed = 0] = await freePorts(1);
    const nowhere = { url: `https://127.0.0.1:${closed}`, ca: plane().ca };
    const kubeconfig = await writeKubeconfig(join(plane().folder, "nowhere.yaml"), nowhere, { token: "none" });
    const relay = await startRelay("elsewhere", kubeconfig);
    await readyz(relay, 503);
    await terminate(relay);
    expect(relay.process.output()).toContain("SIGTERM: stopping");
    expect(relay.process.output()).not.toContain("did not stop");
  });
});

/** Tokens of the operator's ServiceAccount for relays and for the API server, and of another for relays. */
async function issueTokens(namespace: string): Promise<Record<"operator" | "other" | "elsewhere", string>> {
  const make = async (name: string, audience?: string): Promise<string> => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } };
    await plane().ask({ method: "POST", path, body: account });
    const spec = { expirationSeconds: 3600, ...(audience !== undefined && { audiences: [audience] }) };
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
    const { body } = await plane().ask({ method: "POST", path: `${path}/${name}/token`, body: request });
    return (body as { status: { token: string } }).status.token;
  };
  return {
    operator: await make("posthouse-operator", "posthouse.dev/usage"),
    other: await make("somebody", "posthouse.dev/usage"),
    elsewhere: await make("posthouse-operator"),
  };
}

/** Without the ClusterRole a relay is told Forbidden, and usage is off. */
async function mayNotAsk(namespace: string, token: string): Promise<void> {
  const kubeconfig = await plane().serviceAccountKubeconfig(namespace, "without-roles");
  const log = createLogger({ level: "fatal", destination: { write: () => undefined } });
  const api = await openApi({ kubeconfig, clock: systemClock, log });
  const review = tokenReviewer({ api, audience: "posthouse.dev/usage", clock: systemClock });
  expect(await review(token)).toEqual({ kind: "Forbidden" });
  await api.close();
}

/** A pod that stands for the relay in lists. */
async function runsAsPod(namespace: string, { adminPort }: Relay): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const labels = { "app.kubernetes.io/component": "relay" };
  const ports = [{ name: "admin", containerPort: adminPort }];
  const spec = { containers: [{ name: "relay", image: "posthouse", ports }] };
  await plane().ask({ method: "POST", path, body: { metadata: { name: "relay-0", labels }, spec } });
  const status = {
    phase: "Running",
    podIP: "127.0.0.1",
    podIPs: [{ ip: "127.0.0.1" }],
    conditions: [{ type: "Ready", status: "True" }],
  };
  const { code, body } = await plane().ask({
    method: "PATCH",
    path: `${path}/relay-0/status`,
    contentType: "application/merge-patch+json",
    body: { status },
  });
  if (code !== 200) throw new Error(JSON.stringify(body));
}
