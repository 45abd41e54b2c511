import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { startRounds } from "../../runtime/rounds.ts";
import type { Queue, QueueRow } from "../store/queue.ts";

export interface QueueMetricsOptions {
  readonly queue: Pick<Queue, "list">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
}

const states = ["Leased", "Due", "Waiting"] as const;
type State = (typeof states)[number];

/** Milliseconds between two looks. */
const interval = 60_000;
/** Rows that are read in one go: nothing else runs meanwhile. */
const page = 200;
const mostPages = 25;

/**
 * Shows how old the oldest message of each state is, by a look at the queue now and once a minute that is bounded however
 * long the queue is. Returns what ends it, after the look under way.
 */
export function startQueueMetrics({ queue, clock, log, registry }: QueueMetricsOptions): () => Promise<void> {
  const gauge = new Gauge({
    name: "posthouse_queue_oldest_message_seconds",
    help: "Age of the oldest message with a delivery that is Leased, Due, or Waiting for its time; 0 when there is none, absent when none is among the first 5000 deliveries.",
    labelNames: ["state"],
    registers: [registry],
    aggregator: "max",
  });
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      const ages = await agesByState(queue, clock, () => stopped);
      gauge.reset();
      for (const [state, age] of ages) gauge.set({ state }, age / 1000);
    } catch (err) {
      gauge.reset();
      log.debug({ err }, "the queue cannot be looked at; the next round tries again");
    }
  };
  const stop = startRounds({ clock, interval, round });
  return () => {
    stopped = true;
    return stop();
  };
}

/** Milliseconds; a state that was not come to while the look went is left out. */
async function agesByState(
  queue: Pick<Queue, "list">,
  clock: Clock,
  stopped: () => boolean,
): Promise<ReadonlyMap<State, number>> {
  const ages = new Map<State, number>();
  let after: string | undefined;
  for (let pages = 0; pages < mostPages && ages.size < states.length && !stopped(); pages += 1) {
    const rows = await queue.list(page, undefined, after);
    const now = clock.now();
    for (const row of rows) {
      const state = stateOf(row, now);
      if (!ages.has(state)) ages.set(state, Math.max(0, now - row.envelope.acceptedAt));
    }
    after = rows.at(-1)?.key;
    if (rows.length < page) return new Map(states.map((state) => [state, ages.get(state) ?? 0]));
    await clock.sleep(0);
  }
  return ages;
}

function stateOf({ leased, dueAt }: QueueRow, now: number): State {
  if (leased) return "Leased";
  return dueAt <= now ? "Due" : "Waiting";
}
