import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveAdmin, type AdminServer, type Readiness } from "./http.ts";

let readiness: Readiness = { ready: false, reasons: ["the first list is not complete"] };
let server: AdminServer;
beforeAll(async () => {
  server = await serveAdmin({
    host: "127.0.0.1",
    port: 0,
    metrics: async () => new Registry(),
    readiness: () => readiness,
  });
});
afterAll(() => server.stop());

async function get(path: string, method = "GET"): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
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

test("a port in use is an error of listen", async () => {
  const options = {
    host: "127.0.0.1",
    port: server.port,
    metrics: async () => new Registry(),
    readiness: () => readiness,
  };
  await expect(serveAdmin(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
});
