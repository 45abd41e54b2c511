import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { type LineProcess, startLineProcess } from "./line-process.ts";
import { isRunning } from "./process-state.ts";
import { until } from "./until.ts";

const file = new URL("reaper-child.ts", import.meta.url).pathname;
const patience = 60_000;

interface Watched {
  readonly folder: string;
  readonly stays: number;
}

const told = async (child: LineProcess): Promise<Watched> => JSON.parse(await child.saw(/^\{/)) as Watched;
const isGone = ({ folder, stays }: Watched): boolean => !isRunning(stays) && !existsSync(folder);

test(
  "silent children and the folder go when the process is killed with SIGKILL",
  { timeout: 2 * patience },
  async () => {
    const child = startLineProcess([process.execPath, file]);
    const watched = await told(child);
    expect(isRunning(watched.stays)).toBe(true);
    expect(existsSync(watched.folder)).toBe(true);
    await child.kill();
    await until("process and folder are gone", async () => isGone(watched) || undefined, patience);
  },
);

test("they are gone when the reaper says so", { timeout: 2 * patience }, async () => {
  const child = startLineProcess([process.execPath, file, "end"]);
  const watched = await told(child);
  await child.over();
  expect(isGone(watched)).toBe(true);
});
