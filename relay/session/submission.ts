import type { AddressInfo } from "node:net";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Directory } from "../directory.ts";
import type { EventSink } from "../event/event.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Spool } from "../store/spool.ts";
import type { Certificate } from "./certificate.ts";
import type { Limits, ListenersConfig } from "./config.ts";
import { octetBudget } from "./limits.ts";
import { listen, type Listener } from "./listener.ts";
import { queueIds } from "./queue-id.ts";
import { rateMemory } from "./rate-memory.ts";
import type { SessionServices } from "./state.ts";

export interface SubmissionOptions {
  readonly listeners: ListenersConfig;
  readonly tls: Certificate;
  readonly limits: Limits;
  /** What the relay calls itself in the greeting and in Received fields. */
  readonly hostname: string;
  /** The contracts as they stand now. */
  readonly directory: () => Directory;
  /** Milliseconds since the relay last heard from where the contracts live; absent where they lie on the same machine. */
  readonly contractsAge?: (() => number) | undefined;
  readonly spool: Spool;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventSink;
}

/** The running front of the relay. */
export interface Submission {
  /** Where each listener listens, by its name. */
  readonly addresses: ReadonlyMap<string, AddressInfo>;
  /** Open connections of all listeners. */
  readonly connections: () => number;
  /** New handshakes use this certificate; running connections keep theirs. */
  reloadCertificate(certificate: Certificate): void;
  /** Takes no new connections and lets running messages end, up to `limits.stopTimeout`. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

/** Starts all listeners, or none: rejects with ListenError when one cannot. */
export async function startSubmission(options: SubmissionOptions): Promise<Submission> {
  const { listeners: configs, tls, limits, clock } = options;
  const services: SessionServices = {
    ...options,
    budget: octetBudget(limits.bufferedBytes),
    nextQueueId: queueIds(clock),
    rates: rateMemory(),
  };
  const started = await Promise.allSettled(configs.map((config) => listen(config, tls, services)));
  const listeners = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = started.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(listeners.map((listener) => listener.stop(0)));
    throw failed.reason;
  }
  let stopping: Promise<unknown> | undefined;
  return {
    addresses: new Map(listeners.map(({ name, address }) => [name, address])),
    connections: () => listeners.reduce((total, { connections }) => total + connections(), 0),
    reloadCertificate: (certificate) => listeners.forEach((listener) => listener.useCertificate(certificate)),
    async stop() {
      stopping ??= stopAll(listeners, limits.stopTimeout);
      await stopping;
    },
  };
}

function stopAll(listeners: readonly Listener[], deadline: number): Promise<unknown> {
  return Promise.all(listeners.map((listener) => listener.stop(deadline)));
}
