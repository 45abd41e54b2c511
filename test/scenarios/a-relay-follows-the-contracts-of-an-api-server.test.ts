import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { openApi } from "../../cluster/kubernetes/api.ts";
import { tokenReviewer } from "../../cluster/kubernetes/token-review.ts";
import { usageFromRelays } from "../../cli/relay-usage.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createLogger } from "../../runtime/log.ts";
import { putContracts } from "../harness/api-server-contracts.ts";
import { writeKubeconfig } from "../harness/kubeconfig-file.ts";
import { freePorts } from "../harness/posthouse.ts";
import { startRedis } from "../harness/redis.ts";
import {
  readyz,
  relayAccount,
  type RelayProcess,
  runsAsPod,
  startRelayProcess,
  tokenOf,
} from "../harness/relay-process.ts";
import { domains, keyOf, shop } from "../harness/submission.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 120_000;
const plane = withControlPlane();
const relays: RelayProcess[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.process.kill();
});

/** A namespace for contracts, with the ServiceAccounts of a relay and an operator. */
async function release(): Promise<{ namespace: string; kubeconfig: string }> {
  const namespace = await plane().namespace();
  return { namespace, kubeconfig: await relayAccount(plane(), namespace) };
}

async function startRelay(namespace: string, kubeconfig: string, fleet: object = {}): Promise<RelayProcess> {
  const relay = await startRelayProcess(plane(), { namespace, kubeconfig }, fleet);
  relays.push(relay);
  return relay;
}

/** SIGTERM; resolves when it is gone. */
async function terminate({ process: { pid, check } }: RelayProcess): Promise<void> {
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

async function replyTo(relay: RelayProcess, id: string): Promise<string> {
  const { client, reply } = await relay.login(keyOf(id));
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

    await runsAsPod(plane(), namespace, relay);
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
  const make = (name: string, audience?: string) => tokenOf(plane(), namespace, name, audience);
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
