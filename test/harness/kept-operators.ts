/** Operator processes that are started anew when they end, as a kubelet does, and looked at all the time. */
import { setTimeout as sleep } from "node:timers/promises";
import type { OperatorProcess } from "./operator-process.ts";

export interface KeptOperators {
  /** Those that have ended. */
  readonly ended: readonly EndedOperator[];
  /** How many said that they lead, the most at one look. */
  readonly mostLeaders: () => number;
  /** The place of the one that leads; undefined while nobody does. */
  readonly leader: () => Promise<number | undefined>;
  /** What the running ones wrote. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

export interface EndedOperator {
  readonly code: number | null;
  readonly output: string;
}

/** Keeps one in each of `count` places, from 0; each process is started by a name of its own: `process-1`, `process-2`. */
export function keepOperators(
  count: number,
  start: (name: string, place: number) => Promise<OperatorProcess>,
): KeptOperators {
  const running = new Map<number, OperatorProcess>();
  const ended: EndedOperator[] = [];
  const state = { isOver: false, started: 0, mostLeaders: 0 };
  const keepOne = async (place: number): Promise<void> => {
    while (!state.isOver) {
      state.started += 1;
      const operator = await start(`process-${state.started}`, place);
      running.set(place, operator);
      if (state.isOver) operator.signal("SIGKILL");
      ended.push({ code: await operator.ended(), output: operator.output() });
      running.delete(place);
      await sleep(1000);
    }
  };
  const watch = async (): Promise<void> => {
    while (!state.isOver) {
      state.mostLeaders = Math.max(state.mostLeaders, (await leaders(running)).length);
      await sleep(1000);
    }
  };
  const done = Promise.all([...Array.from({ length: count }, (_, place) => keepOne(place)), watch()]);
  return {
    ended,
    mostLeaders: () => state.mostLeaders,
    leader: async () => (await leaders(running))[0],
    output: () => [...running.values()].map((operator) => operator.output()).join("\n"),
    async stop() {
      state.isOver = true;
      for (const operator of running.values()) operator.signal("SIGKILL");
      await done;
    },
  };
}

/** Places of those that say that they lead. */
async function leaders(operators: ReadonlyMap<number, OperatorProcess>): Promise<readonly number[]> {
  const looks = [...operators].map(async ([place, { get }]) => ({ place, page: await get("/readyz") }));
  return (await Promise.all(looks)).flatMap(({ place, page }) => (page?.includes("leading") === true ? [place] : []));
}
