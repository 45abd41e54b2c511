import { describe, expect, test } from "vitest";
import { groupCommit, type GroupOutcome } from "./group-commit.ts";
import { nextTurn } from "../../../runtime/turn.ts";

type Outcome = GroupOutcome | "run";

interface Recorded {
  /** How many jobs each group had. */
  readonly groups: number[];
  readonly commit: (jobs: Iterable<() => void>) => Promise<GroupOutcome>;
}

/** A commit to which these things happen, one after the other; then it runs the jobs. */
function recorded(outcomes: readonly Outcome[] = []): Recorded {
  const groups: number[] = [];
  const commit = async (given: Iterable<() => void>): Promise<GroupOutcome> => {
    const outcome = outcomes[groups.length] ?? "run";
    // Its turn comes at once: nothing gathers meanwhile.
    const jobs = [...given];
    groups.push(jobs.length);
    await Promise.resolve();
    if (outcome !== "run") return outcome;
    for (const [culprit, job] of jobs.entries()) {
      try {
        job();
      } catch (error) {
        return { kind: "Aborted", culprit, error };
      }
    }
    return { kind: "Committed" };
  };
  return { groups, commit };
}

const wide = { jobs: 100, weight: 1000 };
const broken = new Error("broken");

describe("group commit", () => {
  test("what comes while one transaction is written shares the next", async () => {
    const { groups, commit } = recorded();
    const { run } = groupCommit(commit, wide);
    expect(await Promise.all([1, 2, 3, 4].map((value) => run(() => value)))).toEqual([1, 2, 3, 4]);
    expect(groups).toEqual([1, 3]);
  });

  test.each([
    { name: "number", limits: { jobs: 2, weight: 1000 }, weights: [1, 1, 1, 1, 1], groups: [1, 2, 2] },
    { name: "weight", limits: { jobs: 9, weight: 10 }, weights: [1, 6, 4, 1, 50, 1], groups: [1, 2, 1, 1, 1] },
  ])("a group ends at its $name", async ({ limits, weights, groups }) => {
    const seen = recorded();
    const { run } = groupCommit(seen.commit, limits);
    await Promise.all(weights.map((weight) => run(() => undefined, weight)));
    expect(seen.groups).toEqual(groups);
  });

  test("a job that throws rejects alone; the others run again, in their order", async () => {
    const { groups, commit } = recorded();
    const { run } = groupCommit(commit, wide);
    const ran: string[] = [];
    const job = (name: string) => () => {
      ran.push(name);
      if (name === "c") throw broken;
      return name;
    };
    const results = await Promise.allSettled(["a", "b", "c", "d"].map((name) => run(job(name))));
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : result.reason))).toEqual([
      "a",
      "b",
      broken,
      "d",
    ]);
    expect(groups).toEqual([1, 3, 2]);
    expect(ran).toEqual(["a", "b", "c", "b", "d"]);
  });

  test("a group that cannot be committed rejects as a whole, and the next one is tried", async () => {
    const { commit } = recorded(["run", { kind: "Failed", error: broken, divide: false }]);
    const { run } = groupCommit(commit, wide);
    const results = await Promise.allSettled(["a", "b", "c"].map((name) => run(() => name)));
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(await run(() => "d")).toBe("d");
  });

  test("a group for which there is no room is halved, until those that fit are in", async () => {
    const full: GroupOutcome = { kind: "Failed", error: broken, divide: true };
    const { groups, commit } = recorded(["run", full, "run", full, full, "run"]);
    const { run } = groupCommit(commit, wide);
    const results = await Promise.allSettled(["a", "b", "c", "d", "e"].map((name) => run(() => name)));
    expect(results.map((result) => result.status === "fulfilled")).toEqual([true, true, true, false, true]);
    expect(groups).toEqual([1, 4, 2, 2, 1, 1]);
  });

  test("what comes before the turn of a transaction is in it, as far as there is room", async () => {
    const turns: (() => void)[] = [];
    const groups: number[] = [];
    const { run } = groupCommit(
      async (jobs) => {
        await new Promise<void>((resolve) => turns.push(resolve));
        let ran = 0;
        for (const job of jobs) {
          job();
          ran += 1;
        }
        groups.push(ran);
        return { kind: "Committed" };
      },
      { jobs: 4, weight: 10 },
    );
    const ran: number[] = [];
    const job = (value: number, weight: number) => run(() => void ran.push(value), weight);
    const all = [job(1, 1), job(2, 1), job(3, 1), job(4, 8), job(5, 1), job(6, 1), job(7, 1), job(8, 1)];
    for (const turn of [0, 1, 2]) {
      await Promise.resolve();
      while (turns.length <= turn) await nextTurn();
      turns[turn]?.();
    }
    await Promise.all(all);
    expect(groups).toEqual([3, 3, 2]);
    expect(ran).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("one that comes late and throws rejects alone", async () => {
    const { run } = groupCommit(async (jobs) => {
      await Promise.resolve();
      let culprit = 0;
      for (const job of jobs) {
        try {
          job();
        } catch (error) {
          return { kind: "Aborted", culprit, error };
        }
        culprit += 1;
      }
      return { kind: "Committed" };
    }, wide);
    const jobs = ["a", "b", "c"].map((name) =>
      run(() => {
        if (name === "b") throw broken;
        return name;
      }),
    );
    const results = await Promise.allSettled(jobs);
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : result.reason))).toEqual([
      "a",
      broken,
      "c",
    ]);
  });

  test("is idle when nothing waits any more", async () => {
    const { groups, commit } = recorded();
    const { run, idle } = groupCommit(commit, { jobs: 1, weight: 1 });
    await idle();
    const all = Promise.all([1, 2, 3].map((value) => run(() => value)));
    await idle();
    expect(groups).toEqual([1, 1, 1]);
    expect(await all).toEqual([1, 2, 3]);
  });
});
