import { fileURLToPath } from "node:url";
import { Counter, Gauge, type Registry } from "prom-client";
import type { DestinationStream } from "pino";
import { eventOfLine } from "../relay/event/event-log.ts";
import { eventMetrics } from "../relay/event/metrics.ts";
import { watchCertificate } from "../relay/session/certificate-renewal.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/log.ts";
import type { Part } from "../runtime/shutdown.ts";
import { startWorkers, WorkerFailed, type Workers } from "../runtime/workers/supervise.ts";
import { workerTotals, type WorkerTotals } from "../runtime/workers/worker-totals.ts";
import type { AdminSources } from "./admin.ts";
import type { ContractSource } from "./contract-source.ts";
import { certificateSource } from "./fleet-resources.ts";
import type { Fleet } from "./fleet.ts";
import { stopDeadline } from "./run-parts.ts";
import { UserError } from "./terminal.ts";
import { shareOfWorker } from "./worker-share.ts";
import type { WorkerTask } from "./worker-task.ts";
import { workersReadiness } from "./workers-readiness.ts";

export interface RelayWorkers {
  readonly fleet: Fleet;
  /** Where they read contracts and keys, each for itself. */
  readonly contracts: ContractSource;
  /** Folder of an embedded store and a self-signed certificate, where the fleet file names no others. */
  readonly state: string;
  readonly logLevel: string;
  readonly log: Logger;
  /** Where their lines go. */
  readonly destination: DestinationStream;
  /** Of this process; events are counted here, so that no count ends with a worker. */
  readonly metrics: Registry;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
  /** Gives up waiting until they work. */
  readonly stopping: AbortSignal;
}

/** Milliseconds without a sign after which a worker is taken for hung. */
const silence = 30_000;

/** Beside this file, with its ending: it is run as TypeScript and as what the build makes of it. */
const program = fileURLToPath(import.meta.url).replace(/relay-workers(\.[jt]s)$/, "worker$1");

/** Starts `workers` relay processes. Rejects with a UserError when one of them cannot start. */
export async function startRelayWorkers(options: RelayWorkers): Promise<AdminSources> {
  const { fleet, contracts, state, logLevel, log, destination, metrics, started } = options;
  const certificate = await keepCertificate(options);
  const totals = workerTotals();
  const ends = new Counter({
    name: "posthouse_worker_ends_total",
    help: "Workers that ended and were replaced, or ended with everything.",
    registers: [metrics],
  });
  const count = eventMetrics(metrics);
  const task: WorkerTask = { fleet: shareOfWorker(fleet, certificate), contracts, state, logLevel };
  const workers = await startWorkers({
    count: fleet.workers,
    program,
    task,
    onLine(line) {
      destination.write(line);
      const event = eventOfLine(line);
      if (event !== undefined) count(event);
    },
    onEnd(process) {
      ends.inc();
      totals.ended(process);
    },
    deadline: stopDeadline(fleet),
    silence,
    signal: options.stopping,
    clock: systemClock,
    log: log.child({ part: "workers" }),
  }).catch((error: unknown) => {
    throw error instanceof WorkerFailed ? new UserError(error.message, { cause: error }) : error;
  });
  started({ name: "workers", stop: () => workers.stop() });
  return sourcesOf(workers, totals, metrics);
}

/** Sees to it that there is a certificate, and makes a self-signed one anew in time: this process alone does that. */
async function keepCertificate({ fleet, state, log, started }: RelayWorkers) {
  const { load, files } = certificateSource(fleet, state, log);
  const unwatch = watchCertificate({
    load,
    current: await load(),
    onRenewed: () => undefined,
    clock: systemClock,
    log: log.child({ part: "workers" }),
  });
  started({ name: "certificate", stop: async () => unwatch() });
  return files();
}

function sourcesOf(workers: Workers, totals: WorkerTotals, metrics: Registry): AdminSources {
  const readiness = async () => workersReadiness(await workers.ask("readiness"));
  const gauge: Gauge = new Gauge({
    name: "posthouse_workers",
    help: "Workers that take mail now.",
    registers: [metrics],
    collect: async () => gauge.set((await readiness()).working),
  });
  return {
    readiness,
    async metrics() {
      for (const { process, answer } of await workers.ask("metrics")) totals.saw(process, answer);
      return totals.merge(metrics);
    },
  };
}
