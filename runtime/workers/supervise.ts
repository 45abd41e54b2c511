import cluster, { type Worker } from "node:cluster";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { beatInterval, type FromPrimary, type FromWorker, isFromWorker } from "./message.ts";
import { restartAfter } from "./restart.ts";
import { wholeLines } from "./whole-lines.ts";

export interface Supervised {
  /** How many. */
  readonly count: number;
  /** The program that each of them runs; it calls `joinPrimary`. */
  readonly program: string;
  /** What they are to do. It survives JSON. */
  readonly task: unknown;
  /** Gets each line that one writes to its standard output, whole and with its end. */
  readonly onLine: (line: string) => void;
  /** A process is gone; `process` is as in {@link Answer}. */
  readonly onEnd: (process: number) => void;
  /** Milliseconds that they may take to stop. */
  readonly deadline: number;
  /** Milliseconds without a beat after which one is killed. */
  readonly silence: number;
  /** Gives up waiting until all of them work. */
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a worker answered. */
export interface Answer {
  /** The number of the worker. */
  readonly number: number;
  /** The number of its process, never used again. */
  readonly process: number;
  /** Undefined when it did not answer in time, or does not work yet. */
  readonly answer: unknown;
}

/** Workers that run. */
export interface Workers {
  /** Asks all of them; those without an answer are told too. Never rejects. */
  ask(question: string): Promise<readonly Answer[]>;
  /** Lets them finish what they began, then kills those that overstay. */
  stop(): Promise<void>;
}

/** A worker cannot start; the message is its own. */
export class WorkerFailed extends Error {
  override readonly name = "WorkerFailed";
}

/** Milliseconds that a worker may take to answer. */
const patience = 1000;

/** The place of a worker: one process after the other. */
interface Place {
  readonly number: number;
  worker?: Worker;
  ready: boolean;
  /** Beats that should have come since the last one that did. */
  missed: number;
  startedAt: number;
  row: number;
  /** Stops waiting for the next start. */
  cancel: () => void;
}

interface State {
  readonly options: Supervised;
  readonly places: readonly Place[];
  readonly questions: Map<number, (answer: unknown) => void>;
  /** Called once for each first start. */
  readonly onStart: (place: Place, failure?: string) => void;
  asked: number;
  stopping: boolean;
}

/**
 * Starts workers that share their listening sockets, and puts another in the place of each that ends. Resolves when all
 * of them work; rejects with {@link WorkerFailed} when one of the first cannot start or ends again and again, and leaves none behind.
 */
export async function startWorkers(options: Supervised): Promise<Workers> {
  // Each accepts for itself: no connection passes through this process, where it would wait for whatever else runs here
  // and be lost between two processes when one is killed.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: options.program, args: [], stdio: ["ignore", "pipe", "inherit", "ipc"] });
  const first = Promise.withResolvers<void>();
  const starting = new Set<Place>();
  const state: State = {
    options,
    places: Array.from({ length: options.count }, (_, i) => place(i + 1)),
    questions: new Map(),
    onStart(started, failure) {
      starting.delete(started);
      if (failure !== undefined) first.reject(new WorkerFailed(failure));
      else if (starting.size === 0) first.resolve();
    },
    asked: 0,
    stopping: false,
  };
  for (const each of state.places) {
    starting.add(each);
    fork(state, each);
  }
  const unwatch = watchBeats(state);
  const giveUp = (): void => first.reject(options.signal?.reason);
  if (options.signal?.aborted === true) giveUp();
  options.signal?.addEventListener("abort", giveUp, { once: true });
  const stop = async (): Promise<void> => {
    unwatch();
    await stopAll(state);
  };
  try {
    await first.promise;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
  return { ask: (question) => Promise.all(state.places.map((each) => ask(state, each, question))), stop };
}

function place(number: number): Place {
  return { number, ready: false, missed: 0, startedAt: 0, row: 0, cancel: () => undefined };
}

function fork(state: State, at: Place): void {
  const { clock, log, onLine, task } = state.options;
  const worker = cluster.fork();
  Object.assign(at, { worker, ready: false, missed: 0, startedAt: clock.now() });
  const lines = wholeLines(onLine);
  worker.process.stdout?.on("data", (piece: Buffer) => lines.push(piece));
  // A channel that breaks is followed by the end of the process.
  worker.on("error", (err) => log.debug({ err, worker: at.number }, "the channel to a worker failed"));
  worker.on("message", (message: unknown) => {
    if (!isFromWorker(message) || at.worker !== worker) return;
    if (message.kind === "Hello") tell(worker, { kind: "Start", number: at.number, task });
    else hear(state, at, message);
  });
  worker.on("exit", (code: number | null, signal: string | null) => onExit(state, at, { worker, code, signal }));
}

function hear(state: State, at: Place, message: Exclude<FromWorker, { kind: "Hello" }>): void {
  at.missed = 0;
  if (message.kind === "Answer") state.questions.get(message.id)?.(message.answer);
  if (message.kind === "Ready") {
    at.ready = true;
    state.onStart(at);
  }
  if (message.kind !== "Failed") return;
  state.options.log.error({ worker: at.number, reason: message.message }, "a worker cannot start");
  state.onStart(at, message.message);
}

interface Exit {
  readonly worker: Worker;
  readonly code: number | null;
  readonly signal: string | null;
}

function onExit(state: State, at: Place, { worker, code, signal }: Exit): void {
  const { clock, log, onEnd } = state.options;
  onEnd(worker.id);
  at.ready = false;
  delete at.worker;
  if (state.stopping) return;
  const { row, delay, again } = restartAfter(at.row, clock.now() - at.startedAt);
  at.row = row;
  const how = signal ?? `exit code ${String(code)}`;
  if (again) state.onStart(at, `worker ${at.number} ends again and again, with ${how}; what it wrote says why`);
  const facts = { worker: at.number, pid: worker.process.pid, code, signal, row, delay };
  if (again) log.error(facts, "a worker ends again and again; it is replaced all the same, ever later");
  else log.error(facts, "a worker ended and is replaced; what it was delivering goes on when its leases lapse");
  at.cancel = clock.after(delay, () => {
    if (!state.stopping) fork(state, at);
  });
}

/** Kills workers whose event loop stands still. What is counted are looks, not time: after a suspension nobody is late. */
function watchBeats(state: State): () => void {
  const { clock, log, silence } = state.options;
  const look = (): void => {
    for (const at of state.places) {
      if (at.worker === undefined) continue;
      at.missed += 1;
      if (at.missed * beatInterval <= silence) continue;
      log.error({ worker: at.number, pid: at.worker.process.pid, silence }, "a worker gives no sign and is killed");
      at.worker.process.kill("SIGKILL");
    }
    cancel = clock.after(beatInterval, look);
  };
  let cancel = clock.after(beatInterval, look);
  return () => cancel();
}

async function ask(state: State, at: Place, question: string): Promise<Answer> {
  const { number, worker, ready } = at;
  if (worker === undefined || !ready) return { number, process: worker?.id ?? 0, answer: undefined };
  const id = (state.asked += 1);
  const answered = Promise.withResolvers<unknown>();
  state.questions.set(id, answered.resolve);
  const cancel = state.options.clock.after(patience, () => answered.resolve(undefined));
  tell(worker, { kind: "Ask", id, question });
  const answer = await answered.promise;
  cancel();
  state.questions.delete(id);
  return { number, process: worker.id, answer };
}

async function stopAll(state: State): Promise<void> {
  const { clock, log, deadline } = state.options;
  state.stopping = true;
  const running = state.places.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
  const gone = running.map((worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve())));
  for (const at of state.places) at.cancel();
  for (const worker of running) tell(worker, { kind: "Stop" });
  const cancel = clock.after(deadline, () => {
    for (const { number, worker } of state.places) {
      if (worker === undefined) continue;
      log.error({ worker: number }, "a worker did not stop in time and is killed");
      worker.process.kill("SIGKILL");
    }
  });
  await Promise.all(gone);
  cancel();
}

/** What cannot be sent any more was for a process that is gone, and its end is told elsewhere. */
function tell(worker: Worker, message: FromPrimary): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}
