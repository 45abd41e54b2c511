import { rmSync, writeFileSync } from "node:fs";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createManualClock } from "../../test/harness/manual-clock.ts";
import { startStubApiServer } from "../../test/harness/stub-api-server.ts";
import { openCredentials } from "./credentials.ts";

test("files that cannot be read leave what was read before; each reason is told once, and nothing of what stands in them", async () => {
  const stub = await startStubApiServer();
  onTestFinished(() => stub.close());
  const clock = createManualClock(Date.parse("2026-11-02T12:00:00Z"));
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  const kubeconfig = stub.kubeconfig({ token: "first" });
  const credentials = openCredentials({ kubeconfig }, clock, log);
  const used = async (): Promise<string | undefined> => {
    clock.jump(61_000);
    return (await credentials.current()).headers["authorization"];
  };
  const told: readonly [happens: () => void, why: string][] = [
    [() => writeFileSync(kubeconfig, "users: [{user: {token: sesame"), "YAMLParseError, of which"],
    [() => rmSync(kubeconfig), "no such file or directory"],
    [() => stub.kubeconfig({ token: "x" }, { "proxy-url": "socks5://bob:sesame@192.0.2.1" }), "socks5://192.0.2.1 is"],
  ];
  expect(await used()).toBe("Bearer first");
  for (const [happens, why] of told) {
    happens();
    logged.length = 0;
    expect([await used(), await used()]).toEqual(["Bearer first", "Bearer first"]);
    expect(logged).toEqual([expect.stringContaining(why)]);
    expect(logged.join()).not.toContain("sesame");
  }
  for (const token of ["second", "third"]) {
    stub.kubeconfig({ token });
    logged.length = 0;
    expect(await used()).toBe(`Bearer ${token}`);
    expect(logged).toEqual([]);
    rmSync(kubeconfig);
    expect(await used()).toBe(`Bearer ${token}`);
    expect(logged).toHaveLength(1);
  }
});

test("a kubeconfig that is not YAML is refused at the start, and nothing of it is shown", async () => {
  const stub = await startStubApiServer();
  onTestFinished(() => stub.close());
  const kubeconfig = stub.kubeconfig();
  writeFileSync(kubeconfig, "users: [{user: {token: sesame");
  const { current } = openCredentials({ kubeconfig }, createManualClock(0), pino({ level: "silent" }));
  const error: unknown = await current().catch((reason: unknown) => reason);
  expect(String(error)).toBe("KubernetesError: the kubeconfig is not YAML; kubectl config view says where");
  expect(error).not.toHaveProperty("cause");
});
