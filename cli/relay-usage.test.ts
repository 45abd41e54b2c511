import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TokenVerdict } from "../cluster/kubernetes/token-review.ts";
import type { TenantUsage } from "../contract/usage.ts";
import { systemClock } from "../runtime/clock.ts";
import { type AdminServer, serveAdmin } from "../runtime/http.ts";
import { createLogger } from "../runtime/log.ts";
import { inQueries, type RelayUsageOptions, usageFromRelays } from "./relay-usage.ts";
import { usageResource } from "./usage-resource.ts";

const reader = "posthouse-system/posthouse-operator";
const operator: TokenVerdict = { kind: "User", name: "system:serviceaccount:posthouse-system:posthouse-operator" };
const row: TenantUsage = { credits: { period: "2026-11", used: 3, topUpsUsed: {} }, keysUsed: { a: 1 } };

let folder: string;
const stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "posthouse-usage-"));
  await writeFile(join(folder, "token"), "of-the-operator\n");
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await rm(folder, { recursive: true });
});

interface Relay {
  readonly server: AdminServer;
  readonly asked: (readonly string[])[];
  readonly logged: string[];
  ledger: ReadonlyMap<string, TenantUsage> | Error;
  verdict: TokenVerdict;
}

/** The admin port of a relay, with a ledger of these rows; the API server knows one token. */
async function relay(rows: Record<string, TenantUsage> = { "team-shop/shop": row }): Promise<Relay> {
  const asked: (readonly string[])[] = [];
  const logged: string[] = [];
  const state: Pick<Relay, "ledger" | "verdict"> = { ledger: new Map(Object.entries(rows)), verdict: operator };
  const serveUsage = usageResource({
    reader,
    review: async (token) => (token === "of-the-operator" ? state.verdict : { kind: "Nobody" }),
    usage: {
      async usage(tenants) {
        asked.push(tenants);
        if (state.ledger instanceof Error) throw state.ledger;
        return state.ledger;
      },
    },
    log: createLogger({ level: "info", destination: { write: (line) => void logged.push(line) } }),
  });
  const server = await serveAdmin({
    host: "127.0.0.1",
    port: 0,
    metrics: async () => new Registry(),
    readiness: () => ({ ready: true, reasons: [] }),
    resources: { "/v1/usage": serveUsage },
  });
  stops.push(() => server.stop());
  return Object.assign(state, { server, asked, logged });
}

function podOf(name: string, port: number, ready = "True", more: object = {}): object {
  return {
    metadata: { name, ...more },
    spec: { containers: [{ ports: [{ name: "admin", containerPort: port }] }] },
    status: { podIP: "127.0.0.1", conditions: [{ type: "Ready", status: ready }] },
  };
}

function sourceOf(pods: () => readonly object[], options: Partial<RelayUsageOptions> = {}) {
  let lists = 0;
  const api = {
    async request() {
      lists++;
      return { items: pods() };
    },
  };
  const source = usageFromRelays({
    api,
    namespace: "posthouse-system",
    clock: systemClock,
    random: () => 0,
    tokenFile: join(folder, "token"),
    ...options,
  });
  return { source, lists: () => lists };
}

async function get({ server }: Relay, query: string, token?: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/usage${query}`, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: await response.text() };
}

describe("a relay tells usage", () => {
  const ours = "of-the-operator";
  const query = "?tenant=team-shop/shop";

  test("to the operator", async () => {
    const asked = await relay();
    expect(await get(asked, `${query}&tenant=a/b&tenant=a/b`, ours)).toEqual({
      status: 200,
      body: JSON.stringify({ version: 1, tenants: { "team-shop/shop": row } }),
    });
    expect(asked.asked).toEqual([["team-shop/shop", "a/b"]]);
    expect((await get(asked, "", ours)).status).toBe(200);
  });

  const refused: readonly [what: string, status: number, verdict: TokenVerdict, token: string | undefined][] = [
    ["who shows no token", 401, operator, undefined],
    ["who shows a made-up token", 401, operator, "made-up"],
    ["another ServiceAccount", 403, { kind: "User", name: "system:serviceaccount:team:default" }, ours],
    ["a user who is named so", 403, { kind: "User", name: reader }, ours],
    ["whom it may not ask about", 503, { kind: "Forbidden" }, ours],
    ["whom it cannot ask about", 503, { kind: "Unavailable", why: "ECONNREFUSED" }, ours],
  ];
  test.each(refused)("not to %s", async (_what, status, verdict, token) => {
    const asked = await relay();
    asked.verdict = verdict;
    expect((await get(asked, query, token)).status).toBe(status);
    expect(asked.asked).toEqual([]);
  });

  test.each([
    ["is no name", "?tenant=shop"],
    ["climbs", "?tenant=../shop"],
    ["is one too many", `?${Array.from({ length: 501 }, (_, i) => `tenant=a/${i}`).join("&")}`],
  ])("not of what %s", async (_what, bad) => {
    const asked = await relay();
    expect((await get(asked, bad, ours)).status).toBe(400);
  });

  test("not while the ledger cannot be read", async () => {
    const asked = await relay();
    asked.ledger = new Error("Redis is away");
    expect(await get(asked, query, ours)).toEqual({ status: 503, body: "the ledger cannot be read now\n" });
  });

  test("and says once that it may not ask whose tokens are", async () => {
    const asked = await relay();
    asked.verdict = { kind: "Forbidden" };
    for (const _ of [1, 2, 3]) {
      await get(asked, query, ours);
      await get(asked, query);
    }
    expect(asked.logged).toHaveLength(1);
    expect(asked.logged[0]).toContain("usage is off");
  });
});

describe("the operator asks relays", () => {
  test("another one each time, those alone that are ready and stay", async () => {
    const [first, second, third] = [await relay(), await relay(), await relay()];
    const { source, lists } = sourceOf(() => [
      podOf("relay-b", second.server.port),
      podOf("relay-a", first.server.port),
      podOf("relay-c", third.server.port, "False"),
      podOf("relay-d", third.server.port, "True", { deletionTimestamp: "2026-11-22T00:00:00Z" }),
    ]);
    for (const _ of [1, 2, 3])
      expect(await source.usage(["team-shop/shop", "a/b"])).toEqual(new Map([["team-shop/shop", row]]));
    expect([first, second, third].map(({ asked }) => asked.length)).toEqual([2, 1, 0]);
    expect(lists()).toBe(1);
  });

  test("the next one when one does not answer, or has no ledger", async () => {
    const [gone, broken, good] = [await relay(), await relay(), await relay()];
    await gone.server.stop();
    broken.ledger = new Error("Redis is away");
    const { source } = sourceOf(() => [gone, broken, good].map(({ server }, i) => podOf(`relay-${i}`, server.port)));
    expect(await source.usage(["team-shop/shop"])).toEqual(new Map([["team-shop/shop", row]]));
  });

  test("those of a new list when all that it knows are gone", async () => {
    const [old, young] = [await relay(), await relay()];
    let now = podOf("relay-old", old.server.port);
    const { source, lists } = sourceOf(() => [now]);
    await source.usage(["team-shop/shop"]);
    await old.server.stop();
    now = podOf("relay-young", young.server.port);
    expect(await source.usage(["team-shop/shop"])).toEqual(new Map([["team-shop/shop", row]]));
    expect(lists()).toBe(2);
  });

  test("once for many who ask at once", async () => {
    const asked = await relay();
    const { source } = sourceOf(() => [podOf("relay", asked.server.port)]);
    const tenants = Array.from({ length: 1000 }, (_, i) => `team-${i}/shop`);
    await Promise.all(tenants.map((tenant) => source.usage([tenant])));
    expect(asked.asked.flat()).toEqual(tenants);
    expect(asked.asked.length).toBeLessThan(6);
  });

  test("with the token that stands in its file now", async () => {
    const asked = await relay();
    const { source } = sourceOf(() => [podOf("relay", asked.server.port)]);
    await writeFile(join(folder, "token"), "expired");
    await expect(source.usage(["a/b"])).rejects.toThrow("relay: 401 a bearer token");
    await writeFile(join(folder, "token"), "of-the-operator");
    const { source: next } = sourceOf(() => [podOf("relay", asked.server.port)]);
    expect(await next.usage(["team-shop/shop"])).toHaveProperty("size", 1);
  });

  test("where the pods have the labels of a relay", async () => {
    const queries: unknown[] = [];
    const api = {
      async request({ query }: { readonly query?: unknown }) {
        queries.push(query);
        return { items: [] };
      },
    };
    const { source } = sourceOf(() => [], { api, labelSelector: "app=a,part=relay" });
    await expect(source.usage(["a/b"])).rejects.toThrow("no relay pod with app=a,part=relay is ready");
    expect(queries).toEqual([{ labelSelector: "app=a,part=relay", resourceVersion: "0" }]);
  });

  test("and nobody for a while after none answered", async () => {
    const { source, lists } = sourceOf(() => []);
    await expect(source.usage(["a/b"])).rejects.toThrow("no relay pod with app.kubernetes.io/component=relay is ready");
    await expect(source.usage(["a/b"])).rejects.toThrow("is ready in posthouse-system");
    expect(lists()).toBe(1);
  });

  test("and again at once after the clock was set back", async () => {
    const clock = { ...systemClock, now: () => Date.now() - jumped };
    let jumped = 0;
    const { source, lists } = sourceOf(() => [], { clock });
    await expect(source.usage(["a/b"])).rejects.toThrow("no relay pod");
    jumped = 86_400_000;
    await expect(source.usage(["a/b"])).rejects.toThrow("no relay pod");
    expect(lists()).toBe(2);
  });

  test("and waits for none that does not answer when it is told to stop", async () => {
    const silent = createServer();
    const asked = once(silent, "connection");
    await once(silent.listen(0, "127.0.0.1"), "listening");
    stops.push(async () => void silent.close());
    const { port } = silent.address() as AddressInfo;
    const { source } = sourceOf(() => [podOf("relay-0", port), podOf("relay-1", port)]);
    const stopping = new AbortController();
    const answer = source.usage(["a/b"], stopping.signal);
    const [socket] = (await asked) as [Socket];
    stops.push(async () => void socket.destroy());
    stopping.abort(new Error("stopped"));
    await expect(answer).rejects.toThrow("stopped");
  });

  test("together, and none who goes away takes the answer from the others", async () => {
    const answering = await relay();
    const { source } = sourceOf(() => [podOf("relay", answering.server.port)]);
    const [first, second] = [new AbortController(), new AbortController()];
    const asked = ["a/b", "team-shop/shop", "c/d"].map((tenant, i) =>
      source.usage([tenant], [first, undefined, second][i]?.signal).catch(String),
    );
    first.abort(new Error("the first stopped"));
    expect(await asked[0]).toBe("Error: the first stopped");
    expect(await asked[1]).toEqual(new Map([["team-shop/shop", row]]));
    expect(await asked[2]).toEqual(new Map());
    expect(answering.asked).toHaveLength(1);
  });

  test("again at once when all who asked before went away", async () => {
    const answering = await relay();
    const { source } = sourceOf(() => [podOf("relay", answering.server.port)]);
    const leaving = new AbortController();
    const gone = source.usage(["a/b"], leaving.signal);
    leaving.abort(new Error("gone"));
    await expect(gone).rejects.toThrow("gone");
    await systemClock.sleep(100);
    expect(await source.usage(["team-shop/shop"])).toHaveProperty("size", 1);
    expect(answering.asked).toEqual([["team-shop/shop"]]);
  });

  test("and takes nothing but a report", async () => {
    const server = await serveAdmin({
      host: "127.0.0.1",
      port: 0,
      metrics: async () => new Registry(),
      readiness: () => ({ ready: true, reasons: [] }),
      resources: { "/v1/usage": async () => ({ status: 200, type: "text/html", body: "<html>hello" }) },
    });
    stops.push(() => server.stop());
    const { source } = sourceOf(() => [podOf("relay", server.port)]);
    await expect(source.usage(["a/b"])).rejects.toThrow("relay: it answers what is no report of usage: it is not JSON");
  });
});

test("the longest names are split so that each URL fits", () => {
  const long = Array.from({ length: 60 }, (_, i) => `${"n".repeat(60)}${i}/${"t".repeat(250)}`);
  const queries = inQueries(long);
  expect(queries.flat()).toEqual(long);
  for (const query of queries) expect(query.join("&tenant=").length).toBeLessThan(8192);
});
