import { afterEach, expect, test } from "vitest";
import { until } from "../../test/harness/until.ts";
import { systemClock } from "../clock.ts";
import { createLogger } from "../log.ts";
import { startWorkers, type Supervised, type Workers } from "./supervise.ts";

const program = new URL("../../test/harness/worker-child.ts", import.meta.url).pathname;

interface Said {
  readonly number: number;
  readonly pid: number;
  readonly text: string;
}

let running: Workers | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

function setUp(change: Partial<Supervised> = {}) {
  const said: Said[] = [];
  const ended: number[] = [];
  const log: { readonly level: string; readonly msg: string; readonly worker?: number }[] = [];
  const destination = { write: (line: string) => void log.push(JSON.parse(line) as (typeof log)[number]) };
  const options: Supervised = {
    count: 2,
    program,
    task: "works",
    onLine: (line) => void said.push(JSON.parse(line) as Said),
    onEnd: (process) => void ended.push(process),
    deadline: 20_000,
    silence: 30_000,
    clock: systemClock,
    log: createLogger({ level: "info", destination }),
    ...change,
  };
  return { options, said, ended, log };
}

/** The processes that said `ready`, the latest of each number. */
function pids(said: readonly Said[]): ReadonlyMap<number, number> {
  return new Map(said.filter(({ text }) => text === "ready").map(({ number, pid }) => [number, pid]));
}

test("workers are numbered, answer, and finish before they end", async () => {
  const { options, said, ended, log } = setUp();
  running = await startWorkers(options);
  const answers = await running.ask("how");
  expect(answers.map(({ number, answer }) => ({ number, answer }))).toEqual([
    { number: 1, answer: { question: "how", number: 1 } },
    { number: 2, answer: { question: "how", number: 2 } },
  ]);
  await running.stop();
  expect(
    said
      .filter(({ text }) => text === "stopped")
      .map(({ number }) => number)
      .toSorted((a, b) => a - b),
  ).toEqual([1, 2]);
  expect(ended).toHaveLength(2);
  expect(log).toEqual([]);
});

test(
  "one that is killed is replaced under its number, and told; one that hangs is killed",
  { timeout: 60_000 },
  async () => {
    const { options, said, ended, log } = setUp({ silence: 6000 });
    running = await startWorkers(options);
    const before = await until("both said so", async () => (pids(said).size === 2 ? pids(said) : undefined));
    process.kill(before.get(2) ?? 0, "SIGKILL");
    await until("a replacement", async () => (pids(said).get(2) === before.get(2) ? undefined : true));
    expect(pids(said).get(1)).toBe(before.get(1));
    expect(log).toEqual([
      expect.objectContaining({ level: "error", worker: 2, signal: "SIGKILL", row: 1, delay: 0, pid: before.get(2) }),
    ]);
    const since = pids(said);
    const { answer } = (await running.ask("hang"))[0] ?? {};
    expect(answer).toBeUndefined();
    await until("both are replaced", async () =>
      [1, 2].every((number) => pids(said).get(number) !== since.get(number)) ? true : undefined,
    );
    expect(log.filter(({ msg }) => msg === "a worker gives no sign and is killed")).toHaveLength(2);
    expect(ended).toHaveLength(3);
    await until("both answer", async () =>
      (await running?.ask("how"))?.every(({ answer: given }) => given !== undefined) === true ? true : undefined,
    );
  },
);

test("the start fails with the words of one that cannot start, and leaves none behind", async () => {
  const { options, ended } = setUp({ task: "fails" });
  await expect(startWorkers(options)).rejects.toThrow("the port is in use");
  expect(ended).toHaveLength(2);
});

test("the start fails when one ends again and again", async () => {
  const { options, log } = setUp({ task: "crashes", count: 1 });
  await expect(startWorkers(options)).rejects.toThrow("worker 1 ends again and again, with exit code 7");
  expect(log.map(({ level, msg }) => `${level} ${msg.slice(0, 33)}`)).toEqual([
    "error a worker ended and is replaced; w",
    "error a worker ended and is replaced; w",
    "error a worker ends again and again; it",
  ]);
});

test("the start is given up at a signal, also at one that came before", { timeout: 60_000 }, async () => {
  for (const delay of [0, 300]) {
    const giveUp = new AbortController();
    if (delay === 0) giveUp.abort(new Error("stopped"));
    else systemClock.after(delay, () => giveUp.abort(new Error("stopped")));
    const { options, ended, log } = setUp({ task: "waits", signal: giveUp.signal });
    await expect(startWorkers(options)).rejects.toThrow("stopped");
    expect(ended).toHaveLength(2);
    expect(log).toEqual([]);
  }
});

test("one that overstays is killed", async () => {
  const { options, said, log } = setUp({ task: "overstays", count: 1, deadline: 300 });
  running = await startWorkers(options);
  await running.stop();
  expect(said.map(({ text }) => text)).toEqual(["ready"]);
  expect(log.map(({ msg }) => msg)).toEqual(["a worker did not stop in time and is killed"]);
});
