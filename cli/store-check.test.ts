import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore } from "../relay/store/lmdb/open-store.ts";
import { draft } from "../relay/store/port-suite/fixture.ts";
import { redisStore } from "../relay/store/redis/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { createLogger } from "../runtime/log.ts";
import { freePorts, posthouse, startPosthouse } from "../test/harness/posthouse.ts";
import { startRedis } from "../test/harness/redis.ts";
import { plainConnection } from "../test/harness/redis-connection.ts";
import { stateLayout } from "./state-layout.ts";

const log = createLogger({ level: "silent", destination: { write: () => undefined } });
const main = new URL("main.ts", import.meta.url).pathname;
let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "posthouse-check-"));
  const store = await openStore({ path: stateLayout.store(state), clock: systemClock, log });
  for (const id of ["m1", "m2", "m3"])
    await store.spool.accept(draft(id, { at: systemClock.now() + 3_600_000, content: Buffer.alloc(5000, `${id} `) }));
  await store.close();
});
afterEach(() => rm(state, { recursive: true }));

/** Alters each occurrence of a text in the file by a bit. */
async function damage(text: string): Promise<void> {
  const path = join(stateLayout.store(state), "data.mdb");
  const octets = await readFile(path);
  for (let at = octets.indexOf(text); at >= 0; at = octets.indexOf(text, at + 1)) octets[at] = (octets[at] ?? 0) ^ 1;
  await writeFile(path, octets);
}

describe("posthouse store check", () => {
  test("finds nothing in a store that is whole, also while a relay runs on it", async () => {
    const [port = 0, admin = 0] = await freePorts(2);
    const fleet = join(state, "fleet.yaml");
    const listeners = `listeners: [{name: one, host: 127.0.0.1, port: ${port}, tls: StartTLS}]`;
    await writeFile(fleet, `${listeners}\nadmin: {port: ${admin}}\n`);
    const manifests = await mkdtemp(join(state, "manifests-"));
    const args = ["--manifests", manifests, "--state", state, "--fleet", fleet];
    const running = await startPosthouse(args, { host: "127.0.0.1", port: admin });
    try {
      const { code, stdout } = await posthouse(["store", "check", "--state", state]);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/queued messages +3\n[^]*no problems/)]);
      expect(running.output()).toContain("the store is in order");
      const { code: refused, stderr } = await posthouse([
        "store",
        "move",
        `file:${stateLayout.store(state)}`,
        `file:${state}/other`,
      ]);
      expect([refused, stderr]).toEqual([2, expect.stringContaining(`in use by process ${running.pid}`)]);
    } finally {
      await running.stop();
    }
  });

  test("tells of damage, for people and for programs, and changes nothing", async () => {
    await damage("m2 m2 m2");
    const [people, programs] = await Promise.all([
      posthouse(["store", "check", "--state", state]),
      posthouse(["store", "check", `file:${stateLayout.store(state)}`, "--format", "json"]),
    ]);
    expect(people).toMatchObject({ code: 1 });
    expect(people.stdout).toMatch(/Damaged +m2 +a record of contents is damaged +stop posthouse up/);
    expect(programs).toMatchObject({ code: 1 });
    expect(JSON.parse(programs.stdout)).toMatchObject({
      problems: [{ kind: "Damaged", id: "m2" }, { kind: "Orphan" }],
    });
    expect(await readdir(stateLayout.store(state))).not.toContain("damaged");
  });

  test("changes nothing when there is no room for a new file", async () => {
    await damage("m2 m2 m2");
    const folder = stateLayout.store(state);
    const before = await readFile(join(folder, "data.mdb"));
    const script = `ulimit -f 40; exec "${process.execPath}" "${main}" store check "file:${folder}" --repair --format json`;
    const child = spawn("bash", ["-c", script], { stdio: "ignore" });
    await once(child, "close");
    expect(child.exitCode).not.toBe(0);
    expect(await readFile(join(folder, "data.mdb"))).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.includes("damaged"))).toEqual([]);
    const repaired = await posthouse(["store", "check", `file:${folder}`, "--repair"]);
    expect([repaired.code, repaired.stdout]).toEqual([1, expect.stringContaining("missing, in whole or in part: m2")]);
    expect(await posthouse(["store", "check", `file:${folder}`])).toMatchObject({ code: 0 });
  });

  test("names what is not there", async () => {
    expect(await posthouse(["store", "check", `file:${state}/none`])).toMatchObject({ code: 2 });
  });

  test("finds in a Redis what somebody removed by hand", async () => {
    const server = await startRedis();
    const open = () =>
      redisStore({ connection: plainConnection(server.port), prefix: "posthouse:", clock: systemClock });
    try {
      const store = await open();
      for (const id of ["m1", "m2", "m3", "m4"]) await store.spool.accept(draft(id, { at: systemClock.now() }));
      await store.close();
      expect(await posthouse(["store", "check", server.url])).toMatchObject({ code: 0 });
      await server.ask("DEL", "posthouse:body:m1");
      await server.ask("DEL", "posthouse:message:m2");
      await server.ask("ZREM", "posthouse:due", "m3/000000");
      await server.ask("ZREM", "posthouse:deliveries", "m4/000000");
      await server.ask("SET", "posthouse:body:m3", "short");
      const people = await posthouse(["store", "check", server.url]);
      expect(people.stdout).toMatch(/Damaged +m3 .*redis-check-aof/);
      expect(people.stdout).not.toContain("stop posthouse up");
      const repair = await posthouse(["store", "check", server.url, "--repair"]);
      expect(repair).toMatchObject({ code: 2, stdout: `${people.stdout}counters that are right again: 1\n` });
      expect(repair.stderr).toContain("--repair counts anew in a Redis; what else is wrong is told, and left alone");
      const { code, stdout } = await posthouse(["store", "check", server.url, "--format", "json"]);
      const { problems } = JSON.parse(stdout) as { problems: { kind: string; id: string }[] };
      const found = new Set(problems.map(({ kind, id }) => `${kind} ${id}`));
      expect([code, [...found].toSorted()]).toEqual([
        1,
        ["Damaged m3", "Orphan m1", "Orphan m2", "Orphan m3", "Orphan m4"],
      ]);
    } finally {
      await server.close();
    }
  });
});

describe("posthouse up", () => {
  test("sets a damaged file aside, names what is missing, and runs on what is left", async () => {
    await damage("m2 m2 m2");
    const [port = 0, admin = 0] = await freePorts(2);
    const fleet = join(state, "fleet.yaml");
    const listeners = `listeners: [{name: one, host: 127.0.0.1, port: ${port}, tls: StartTLS}]`;
    await writeFile(fleet, `${listeners}\nadmin: {port: ${admin}}\n`);
    const manifests = await mkdtemp(join(state, "manifests-"));
    const args = ["--manifests", manifests, "--state", state, "--fleet", fleet];
    const running = await startPosthouse(args, { host: "127.0.0.1", port: admin });
    await running.stop();
    expect(running.output()).toMatch(/"missing":\["m2"\]/);
    expect((await readdir(stateLayout.store(state))).join(" ")).toMatch(/data\.mdb\.damaged-\d{4}-/);
    const { code, stdout } = await posthouse(["store", "check", "--state", state]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/queued messages +2\n/)]);
  });
});
