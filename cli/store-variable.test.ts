import { describe, expect, test, vi } from "vitest";
import { parseStoreAddress } from "../relay/store/address.ts";
import { posthouse } from "../test/harness/posthouse.ts";
import { startRedis } from "../test/harness/redis.ts";
import { passwordFor, readStoreVariable } from "./store-variable.ts";

describe("POSTHOUSE_STORE", () => {
  test.each([
    ["redis://redis.example:6379", "redis://redis.example:6379", undefined],
    ["redis://:secret@redis.example", "redis://redis.example", "secret"],
    ["rediss://shop:s%40c%3Ar%2Ft@redis.example/3", "rediss://shop@redis.example/3", "s@c:r/t"],
    ["redis://shop:se:c/r@t@redis.example", "redis://shop@redis.example", "se:c/r@t"],
    ["redis+sentinel://:pw@a:26379,b/mail", "redis+sentinel://a:26379,b/mail", "pw"],
    ["redis://:@redis.example", "redis://redis.example", ""],
    ["redis://[fd00::7]:6379", "redis://[fd00::7]:6379", undefined],
    ["file:/var/lib/posthouse/store", "file:/var/lib/posthouse/store", undefined],
  ])("%s is %s and a password apart", (value, store, password) => {
    expect(readStoreVariable(value)).toEqual({
      store,
      address: parseStoreAddress(store),
      ...(password !== undefined && { password }),
    });
  });

  test("may be absent", () => {
    expect(readStoreVariable(undefined)).toBeUndefined();
    expect(readStoreVariable("")).toBeUndefined();
  });

  test.each([
    "redis//:hunter2@x",
    "http://:hunter2@x",
    "redis://:hunter2@a,b",
    "redis://:hunter2@x/mail",
    "redis://:hunter2%@x",
    "redis://a b:hunter2@x",
    ":hunter2@x",
    "hunter2",
  ])("that is none is not quoted: %s", (value) => {
    let message = "";
    try {
      readStoreVariable(value);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("POSTHOUSE_STORE");
    expect(message).not.toContain("hunter2");
  });

  test("has a password for its own server alone", () => {
    const value = "redis://:secret@redis.example";
    expect(passwordFor(parseStoreAddress("redis://redis.example"), value)).toBe("secret");
    expect(passwordFor(parseStoreAddress("redis://other.example"), value)).toBeUndefined();
    expect(passwordFor(parseStoreAddress("redis://redis.example"), undefined)).toBeUndefined();
  });
});

test("leads a command to its Redis, and its password is never shown", { timeout: 60_000 }, async () => {
  const server = await startRedis({ config: { requirepass: "hunter2" } });
  try {
    vi.stubEnv("POSTHOUSE_STORE", `redis://:hunter2@${server.host}:${server.port}`);
    const good = await posthouse(["queue", "list"]);
    expect(good).toMatchObject({ code: 0, stderr: "" });
    vi.stubEnv("POSTHOUSE_STORE", `redis://:hunter2-of-old@${server.host}:${server.port}`);
    const bad = await posthouse(["queue", "list"]);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain(`Redis at ${server.host}:${server.port}`);
    expect(`${bad.stdout}${bad.stderr}`).not.toContain("hunter2");
  } finally {
    vi.unstubAllEnvs();
    await server.close();
  }
});

test("names no folder to a relay on Kubernetes, where it would be gone with the pod", { timeout: 60_000 }, async () => {
  vi.stubEnv("POSTHOUSE_STORE", "file:/var/lib/posthouse/store");
  const args = ["relay", "--kubernetes", "--kubeconfig", "/none", "--namespace", "posthouse-system"];
  const refused = await posthouse(args).finally(() => vi.unstubAllEnvs());
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(/^error: POSTHOUSE_STORE names a folder.*redis\.secretName/);
});
