import process from "node:process";
import type { Clock } from "../clock.ts";
import { beatInterval, type FromPrimary, type FromWorker, isFromPrimary } from "./message.ts";

/** The primary, as a worker sees it. When it ends, however that comes, the worker ends with it. */
export interface Primary {
  /** Which of the workers this is, from 1; one that replaces another has its number. */
  readonly number: number;
  /** What it is to do, as the primary was given it. */
  readonly task: unknown;
  /** Resolves when it is to finish what was begun. */
  readonly stop: Promise<void>;
  /** Says that it works, and answers the primary's questions from now on. An answer must survive JSON. */
  ready(answer: (question: string) => Promise<unknown>): void;
  /** Says why it cannot start, for people; resolves when that is on its way. */
  failed(message: string): Promise<void>;
}

/** Reports to the primary that forked this process, and waits for the task. */
export async function joinPrimary(clock: Pick<Clock, "after">): Promise<Primary> {
  const started = Promise.withResolvers<Extract<FromPrimary, { kind: "Start" }>>();
  const stop = Promise.withResolvers<void>();
  let answer: ((question: string) => Promise<unknown>) | undefined;
  process.on("message", (message: unknown) => {
    if (!isFromPrimary(message)) return;
    if (message.kind === "Start") started.resolve(message);
    if (message.kind === "Stop") stop.resolve();
    if (message.kind !== "Ask") return;
    const { id, question } = message;
    // Whoever asks takes silence for an answer.
    answer?.(question).then(
      (given) => tell({ kind: "Answer", id, answer: given }),
      () => undefined,
    );
  });
  tell({ kind: "Hello" });
  const { number, task } = await started.promise;
  const beat = (): void => {
    tell({ kind: "Beat" });
    clock.after(beatInterval, beat);
  };
  beat();
  return {
    number,
    task,
    stop: stop.promise,
    ready(answers) {
      answer = answers;
      tell({ kind: "Ready" });
    },
    failed: (message) => new Promise((resolve) => tell({ kind: "Failed", message }, resolve)),
  };
}

/** A channel that is closed already means that the primary is gone, and this process about to end. */
function tell(message: FromWorker, sent: () => void = () => undefined): void {
  if (!process.connected || process.send === undefined) return sent();
  process.send(message, undefined, {}, sent);
}
