import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { plainPage, serveAdmin, type AdminServer, type Readiness } from "./http.ts";

let readiness: Readiness = { ready: false, reasons: ["the first list is not complete"] };
let server: AdminServer;
beforeAll(async () => {
  server = await serveAdmin({
    host: "127.0.0.1",
    port: 0,
    metrics: async () => new Registry(),
    readiness: () => readiness,
    resources: {
      "/v1/echo": async ({ query, token }) => plainPage(200, `${query.getAll("of").join(",")} ${token ?? "nobody"}`),
    },
  });
});
afterAll(() => server.stop());

async function get(path: string, method = "GET", headers = {}): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers });
  return { status: response.status, body: await response.text() };
}

test("the process is healthy while it answers", async () => {
  expect(await get("/healthz")).toEqual({ status: 200, body: "ok\n" });
});

test("readiness says what it waits for", async () => {
  expect(await get("/readyz")).toEqual({ status: 503, body: "the first list is not complete\n" });
  readiness = { ready: true, reasons: [] };
  expect(await get("/readyz?verbose")).toEqual({ status: 200, body: "ok\n" });
});

test("metrics are served, other paths and methods are not", async () => {
  expect((await get("/metrics")).status).toBe(200);
  expect((await get("/")).status).toBe(404);
  expect((await get("/healthz", "POST")).status).toBe(405);
});

test("a resource of one's own gets the query and the bearer token", async () => {
  const path = "/v1/echo?of=a/b&of=c%2Fd";
  expect(await get(path)).toEqual({ status: 200, body: "a/b,c/d nobody\n" });
  expect((await get(path, "GET", { authorization: "Bearer ey.J-_9=" })).body).toBe("a/b,c/d ey.J-_9=\n");
  for (const authorization of ["Basic YTpi", "Bearer", "Bearer a b", "Bearer \u00fc"])
    expect((await get(path, "GET", { authorization })).body).toBe("a/b,c/d nobody\n");
  expect((await get("/constructor")).status).toBe(404);
});

test("a port in use is an error of listen", async () => {
  const options = {
    host: "127.0.0.1",
    port: server.port,
    metrics: async () => new Registry(),
    readiness: () => readiness,
  };
  await expect(serveAdmin(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
});
