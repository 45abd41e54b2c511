import { afterEach, expect, test } from "vitest";
import { judge, rows } from "../soak/judge.ts";
import { reportOf } from "../soak/report.ts";
import { soak } from "../soak/run.ts";

const seed = 20_261_122;
const ending = new AbortController();
afterEach(() => ending.abort());

test(
  "in the shortest soak relays and Redis are killed, manifests change and a day ends: nothing is lost, no copy is without a cause, credits are exact",
  { timeout: 300_000, retry: 0 },
  async ({ task }) => {
    const { signal } = ending;
    const soaked = await soak({
      length: 30_000,
      seed,
      relays: 4,
      connections: 5,
      thinking: 200,
      signal,
      onProgress: () => undefined,
    });
    const judgement = judge(soaked.evidence);
    const { text } = reportOf(soaked, judgement, false);
    task.meta.summary = text;
    const wrong = rows.filter((row) => judgement.failures[row].length > 0);
    // The table says more than the names of its rows.
    expect(wrong.length === 0 ? "" : text).toBe("");
    expect(judgement.answered).toBeGreaterThan(50);
    expect(soaked.evidence.kills.length).toBeGreaterThanOrEqual(2);
  },
);
