import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { spawnBound } from "../harness/bound-process.ts";

const demo = new URL("../demo/main.ts", import.meta.url).pathname;

test(
  "the demo verifies every step, in under a minute, and leaves plain text when piped",
  { timeout: 60_000 },
  async () => {
    // CI=true makes colour libraries think that a pipe takes colours.
    const child = spawnBound(process.execPath, [demo], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, CI: "true" },
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, "close")]);
    expect(stderr).toBe("");
    expect(child.exitCode).toBe(0);
    expect(stdout).toContain("Every step was verified");
    expect(stdout.match(/✓/g)?.length).toBeGreaterThan(12);
    expect(stdout).not.toContain("\u001B");
  },
);
