import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { canBind } from "./bound-process.ts";
import { startLineProcess } from "./line-process.ts";
import { isRunning } from "./process-state.ts";
import { until } from "./until.ts";

const patience = 120_000;
const file = new URL("bound-process-child.ts", import.meta.url).pathname;

test.runIf(canBind)(
  "what a test started is gone when it was killed with SIGKILL",
  { timeout: 2 * patience },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "posthouse-bound-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const child = startLineProcess([process.execPath, file, folder], { TMPDIR: folder });
    const started = JSON.parse(await child.saw(/^\{/, 0)) as Readonly<Record<string, number>>;
    expect(Object.values(started).every(isRunning)).toBe(true);
    await child.kill();
    for (const [name, pid] of Object.entries(started))
      await until(`${name} is gone`, async () => !isRunning(pid) || undefined, 30_000);
  },
);
