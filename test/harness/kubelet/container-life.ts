/** One container from its first start to its end: restarts, probes, hooks, and what its status says. */
import { restartDelay, timeOf, type ContainerRecord, type ContainerState } from "./container-record.ts";
import { startContainer, type ContainerProcess, type ContainerSpec, type Ended } from "./container-process.ts";
import { NotThere, type Container, type Probe } from "./pod.ts";
import { look } from "./probe.ts";
import { pause, probeContainer } from "./probing.ts";

export interface ContainerLifeOptions {
  readonly container: Container;
  readonly podIp: string;
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  /** Milliseconds that a container gets to end when its probe gives it up. */
  readonly grace: number;
  /** What to run; made anew for each start. Throws {@link NotThere} for what is missing, and other errors for what is wrong. */
  readonly specOf: (restart: number) => ContainerSpec;
  /** Called whenever the record has changed. */
  readonly onChange: () => void;
}

export interface ContainerLife {
  record(): ContainerRecord;
  /** Runs it until it ends for good. */
  run(): Promise<void>;
  /** Sends a signal to its first process, if it runs. */
  signal(name: NodeJS.Signals): void;
  /** Ends it for good: the preStop hook, SIGTERM, and SIGKILL when the grace, in milliseconds, is over. */
  stop(grace: number): Promise<void>;
}

const pollOfMissing = 500;

/** A container that has not run yet. */
export function containerLife(options: ContainerLifeOptions): ContainerLife {
  const { container, onChange, restartPolicy } = options;
  const stopping = new AbortController();
  let record: ContainerRecord = {
    name: container.name,
    image: container.image ?? "",
    state: { waiting: { reason: "ContainerCreating" } },
    restartCount: 0,
    started: false,
    ready: false,
    isOver: false,
  };
  let current: ContainerProcess | undefined;
  const update = (change: Partial<ContainerRecord>): void => {
    record = { ...record, ...change };
    onChange();
  };

  async function start(): Promise<ContainerProcess | undefined> {
    while (!stopping.signal.aborted) {
      try {
        const made = startContainer(options.specOf(record.restartCount));
        await made.started;
        return made;
      } catch (error) {
        const reason = error instanceof NotThere ? "CreateContainerConfigError" : "RunContainerError";
        const message = error instanceof Error ? error.message : String(error);
        update({ state: { waiting: { reason, message } } });
        await pause(pollOfMissing, stopping.signal);
      }
    }
    return undefined;
  }

  /** One run from start to exit. */
  async function once(): Promise<Ended | undefined> {
    const started = await start();
    if (!started) return undefined;
    current = started;
    const startedAt = timeOf(Date.now());
    update({ state: { running: { startedAt } } });
    const over = new AbortController();
    const probing = AbortSignal.any([over.signal, stopping.signal]);
    void probeContainer(
      { ...options, exec: (command, timeout) => started.exec(command, timeout) },
      events(started),
      probing,
    );
    const ended = await started.ended;
    over.abort();
    current = undefined;
    const reason = ended.exitCode === 0 ? "Completed" : "Error";
    const terminated = { ...ended, reason, startedAt, finishedAt: timeOf(Date.now()) };
    update({ state: { terminated }, started: false, ready: false });
    return ended;
  }

  const events = (started: ContainerProcess) => ({
    onStarted: () => update({ started: true }),
    onReady: (ready: boolean) => void (ready === record.ready || update({ ready })),
    onUnhealthy: ({ terminationGracePeriodSeconds: seconds }: Probe) =>
      void end(started, seconds === undefined ? options.grace : seconds * 1000),
  });

  async function end(running: ContainerProcess, grace: number): Promise<void> {
    const deadline = Date.now() + grace;
    const isOver = new AbortController();
    void running.ended.then(() => isOver.abort());
    const { preStop } = container.lifecycle ?? {};
    if (grace > 0 && preStop?.sleep) await pause(Math.min(preStop.sleep.seconds * 1000, grace), isOver.signal);
    else if (grace > 0 && preStop)
      await look(preStop, { ...options, exec: (command, timeout) => running.exec(command, timeout) }, grace);
    if (grace > 0) running.signal("SIGTERM");
    await pause(deadline - Date.now(), isOver.signal);
    running.signal("SIGKILL");
    await running.ended;
  }

  return {
    record: () => record,
    async run() {
      while (!stopping.signal.aborted) {
        const ended = await once();
        const isDone = restartPolicy === "Never" || (restartPolicy === "OnFailure" && ended?.exitCode === 0);
        if (ended === undefined || isDone || stopping.signal.aborted) break;
        await waitToRestart(record, update, stopping.signal);
      }
      update({ isOver: true });
    },
    signal: (name) => current?.signal(name),
    async stop(grace) {
      stopping.abort();
      if (current) await end(current, grace);
    },
  };
}

async function waitToRestart(
  record: ContainerRecord,
  update: (change: Partial<ContainerRecord>) => void,
  signal: AbortSignal,
): Promise<void> {
  const { state, restartCount } = record;
  if (!("terminated" in state)) return;
  const delay = restartDelay(restartCount);
  const message = `back-off ${delay / 1000}s restarting failed container=${record.name}`;
  const waiting: ContainerState = { waiting: { reason: "CrashLoopBackOff", message } };
  update({ state: waiting, lastState: { terminated: state.terminated } });
  await pause(delay, signal);
  // A pod that is stopped meanwhile keeps how its container ended.
  if (signal.aborted) update({ state });
  else update({ restartCount: restartCount + 1 });
}
