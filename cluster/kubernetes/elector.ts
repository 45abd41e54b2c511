import { Gauge, type Registry } from "prom-client";
import type { Cancel, Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { isApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import {
  holderOf,
  isLease,
  leads,
  nextStep,
  releasedLease,
  saw,
  usualTiming,
  wrote,
  type Election,
  type Lease,
  type LeaseTiming,
  type Step,
} from "./lease.ts";

export interface ElectorOptions {
  readonly api: Pick<Api, "request">;
  /** Namespace and name of the Lease. */
  readonly namespace: string;
  readonly name: string;
  /** Of this process alone: one that takes its place after a crash has another. */
  readonly identity: string;
  readonly clock: Clock;
  /** Milliseconds of a clock that never runs back and is never set. */
  readonly elapsed: () => number;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  readonly log: Logger;
  /** 15, 10 and 2 s when absent. */
  readonly timing?: LeaseTiming;
  readonly metrics?: Registry;
  /** Called once, when this process may begin to work. When it throws, that is logged, the Lease is given back, and the election is over. */
  readonly onStartedLeading: (signal: AbortSignal) => void;
  /**
   * Called once, after the signal of `onStartedLeading` was aborted, when the lease was lost or work could not begin: it must end within
   * `lease - renew` milliseconds. The election is over for this process then.
   */
  readonly onStoppedLeading: () => void;
}

export interface Elector {
  /** Whether work may go on at this very moment. Ask it before each write: a process that was frozen learns it late otherwise. */
  readonly isLeading: () => boolean;
  /** Who leads, as far as is known; empty when nobody does. */
  readonly holder: () => string;
  /** Ends the candidacy, and gives the lease back: call it when all work has ended. Never rejects. */
  readonly stop: () => Promise<void>;
}

/** What changes while an elector runs. */
interface Term {
  election: Election;
  readonly leading: AbortController;
  /** Ends the pause between two steps. */
  readonly pause: AbortController;
  /** Seeking -> Leading -> Over; never back. */
  phase: "Seeking" | "Leading" | "Over";
  alarm: Cancel | undefined;
  /** The last thing logged, so that a server that is away for an hour is told of once. */
  told: string;
}

/** Stands for election by a Lease. Whoever holds it works; it is renewed until `stop`, or lost for good. */
export function startElector(options: ElectorOptions): Elector {
  const { elapsed, timing = usualTiming } = options;
  const term: Term = {
    election: {},
    leading: new AbortController(),
    pause: new AbortController(),
    phase: "Seeking",
    alarm: undefined,
    told: "",
  };
  const isLeading = (): boolean => term.phase === "Leading" && leads(term.election, elapsed());
  registerStatus(options, isLeading);
  const done = run({ ...options, timing }, term);
  return {
    isLeading,
    holder: () => holderOf(term.election),
    async stop() {
      // Who was deposed may not be done with its work: it gives nothing back.
      const mayRelease = term.phase !== "Over";
      term.phase = "Over";
      term.alarm?.();
      term.pause.abort();
      await done;
      if (mayRelease) await giveBack(options, term);
    },
  };
}

type Running = ElectorOptions & { readonly timing: LeaseTiming };

async function run(options: Running, term: Term): Promise<void> {
  const { clock, elapsed, random, timing, log } = options;
  while (!isOver(term)) {
    const begunAt = elapsed();
    try {
      // Where another was quicker, or an answer got lost, what stands there counts at once.
      if ((await take(options, term, "First")) === "Again") await take(options, term, "Last");
    } catch (error) {
      if (!isOver(term)) tell(term, error, log);
    }
    // A try that took long, into a connection that went silent, leaves the next one little time: it is made at once.
    const pause = timing.retry * (1 + random() / 5) - (elapsed() - begunAt);
    await clock.sleep(Math.max(pause, timing.retry / 20), term.pause.signal).catch(() => undefined);
  }
}

/** Asks the term anew: it may have ended during a wait. */
function isOver(term: Term): boolean {
  return term.phase === "Over";
}

/** One step of the election. */
async function take(options: Running, term: Term, attempt: "First" | "Last"): Promise<"Done" | "Again"> {
  const { elapsed, clock, timing } = options;
  // A holder knows its lease; whoever waits must look.
  if (term.phase === "Seeking") await look(options, term);
  if (isOver(term)) return "Done";
  const step = nextStep(term.election, options, { now: elapsed(), wallClock: clock.now() });
  if (step.kind === "Wait") return standBy(options, term, step.holder);
  const begunAt = elapsed();
  try {
    const lease = await write(options, step, timeFor(term, begunAt, timing));
    term.election = wrote(lease, begunAt, timing);
  } catch (error) {
    if (attempt === "Last" || !isApiError(error, 409, 404)) throw error;
    await look(options, term);
    return "Again";
  }
  term.told = "";
  watchOver(options, term);
  if (term.phase === "Seeking" && leads(term.election, elapsed())) await begin(options, term);
  return "Done";
}

async function look(options: Running, term: Term): Promise<void> {
  const lease = await read(options, timeFor(term, options.elapsed(), options.timing));
  term.election = saw(term.election, lease, options.elapsed());
}

function standBy(options: Running, term: Term, holder: string): "Done" {
  if (term.phase === "Leading") depose(options, term, `the Lease is held by ${holder}`);
  else if (term.told !== holder) options.log.info({ holder }, "another leads; standing by");
  term.told = holder;
  return "Done";
}

function tell(term: Term, error: unknown, log: Logger): void {
  const message = error instanceof Error ? error.message : String(error);
  if (term.told !== message) log.warn({ err: error }, "the Lease cannot be read or written; trying on");
  term.told = message;
}

/** Sees to it that work ends in time even if no request ever returns. */
function watchOver(options: Running, term: Term): void {
  const { clock, elapsed } = options;
  term.alarm?.();
  if (isOver(term)) return;
  const left = (term.election.leadsUntil ?? 0) - elapsed();
  if (left > 0) term.alarm = clock.after(left, () => watchOver(options, term));
  else if (term.phase === "Leading") depose(options, term, "the Lease was not renewed in time");
}

/** Begins to work. A leader that cannot would keep everybody else from it: then the Lease is given back. */
async function begin(options: Running, term: Term): Promise<void> {
  const { identity, log, onStartedLeading, onStoppedLeading } = options;
  term.phase = "Leading";
  log.info({ identity }, "leading");
  try {
    onStartedLeading(term.leading.signal);
  } catch (err) {
    log.error({ err }, "the work of a leader cannot begin; the Lease is given back");
    end(term, "the work could not begin");
    await giveBack(options, term);
    onStoppedLeading();
  }
}

function depose({ log, onStoppedLeading }: Running, term: Term, why: string): void {
  if (isOver(term)) return;
  log.error({ why }, "not leading any more");
  end(term, why);
  onStoppedLeading();
}

function end(term: Term, why: string): void {
  term.phase = "Over";
  term.alarm?.();
  term.pause.abort();
  term.leading.abort(new Error(why));
}

/** Milliseconds that a request may take: two tries fit into the time of a holder. */
function timeFor({ election, phase }: Term, now: number, { renew }: LeaseTiming): number {
  const left = phase === "Leading" ? (election.leadsUntil ?? now) - now : renew;
  return Math.max(1, Math.min(left, renew / 2));
}

async function read(options: Running, deadline: number): Promise<Lease | undefined> {
  try {
    return leaseIn(await options.api.request({ method: "GET", path: pathOf(options), deadline }));
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}

async function write(options: Running, step: Step & { kind: "Write" }, deadline: number): Promise<Lease> {
  const { api, namespace, name } = options;
  const { replaces, spec } = step;
  if (replaces) {
    const body = { ...replaces, spec };
    return leaseIn(await api.request({ method: "PUT", path: pathOf(options), body, deadline }));
  }
  const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { namespace, name }, spec };
  return leaseIn(await api.request({ method: "POST", path: pathOf({ namespace }), body, deadline }));
}

async function giveBack(options: ElectorOptions, term: Term): Promise<void> {
  await release(options, term).catch((err: unknown) => options.log.warn({ err }, "the Lease was not given back"));
}

async function release(options: ElectorOptions, { election }: Term): Promise<void> {
  const { api, clock, identity } = options;
  const body = releasedLease(election, identity, clock.now());
  if (body === undefined) return;
  await api.request({ method: "PUT", path: pathOf(options), body, deadline: 3000 }).catch((error: unknown) => {
    // Taken by another since, or gone.
    if (!isApiError(error, 409, 404)) throw error;
  });
}

function pathOf({ namespace, name }: { readonly namespace: string; readonly name?: string }): string {
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  return name === undefined ? leases : `${leases}/${encodeURIComponent(name)}`;
}

function leaseIn(value: unknown): Lease {
  if (isLease(value)) return value;
  throw new Error("the API server answered with something that is no Lease");
}

function registerStatus({ metrics, name }: ElectorOptions, isLeading: () => boolean): void {
  if (metrics === undefined) return;
  const gauge: Gauge<"name"> = new Gauge({
    name: "leader_election_master_status",
    help: "1 while this process leads, 0 while another does.",
    labelNames: ["name"],
    registers: [metrics],
    collect: () => gauge.set({ name }, isLeading() ? 1 : 0),
  });
}
