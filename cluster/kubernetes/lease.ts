import Type from "typebox";
import { validatorOf } from "../../runtime/validator.ts";
import { microTime } from "./micro-time.ts";

const LeaseSpec = Type.Object({
  holderIdentity: Type.Optional(Type.String()),
  leaseDurationSeconds: Type.Optional(Type.Integer()),
  acquireTime: Type.Optional(Type.String()),
  renewTime: Type.Optional(Type.String()),
  leaseTransitions: Type.Optional(Type.Integer()),
});
type LeaseSpec = Type.Static<typeof LeaseSpec>;

/** A coordination.k8s.io/v1 Lease, as far as an election reads it; the rest of it is kept as it is. */
const Lease = Type.Object({
  metadata: Type.Object({ resourceVersion: Type.String() }),
  spec: Type.Optional(LeaseSpec),
});
export type Lease = Type.Static<typeof Lease>;
const validator = validatorOf<Lease>(Lease);

/** Whether an answer of the API server is a Lease. */
export function isLease(value: unknown): value is Lease {
  return validator()(value);
}

/** Milliseconds. */
export interface LeaseTiming {
  /** How long others leave a lease alone after they saw it renewed; whole seconds. */
  readonly lease: number;
  /** How long after its last renewal a holder works on: shorter than `lease`, so that work ends before another begins. */
  readonly renew: number;
  /** Between two tries to get or renew it. */
  readonly retry: number;
}

/** As controller-runtime has it. */
export const usualTiming: LeaseTiming = { lease: 15_000, renew: 10_000, retry: 2000 };

/** Who stands for election. No two processes have the same identity, not even one after the other. */
export interface Candidate {
  readonly identity: string;
  readonly timing: LeaseTiming;
}

/** What a candidate knows. Times are of its own monotonic clock: what others wrote down is never compared with it. */
export interface Election {
  /** The lease as last read or written, since when it is known to be that version, and whether it was deleted since. */
  readonly seen?: { readonly lease: Lease; readonly at: number; readonly isGone?: boolean };
  /** Until when this candidate may work; set by its own successful writes alone. */
  readonly leadsUntil?: number;
}

/** What to do now: write the lease, in place of the version that was seen or where there is none; or leave it to its holder. */
export type Step =
  | { readonly kind: "Write"; readonly spec: LeaseSpec; readonly replaces?: Lease }
  | { readonly kind: "Wait"; readonly holder: string };

/** Takes in that the lease was read at `at`; undefined: there is none. A version that is known stays as old as it is. */
export function saw(before: Election, lease: Lease | undefined, at: number): Election {
  const { seen } = before;
  // Deleted by hand under a holder that works: it gets its time to make the lease anew.
  if (lease === undefined) return seen ? { ...before, seen: { ...seen, isGone: true } } : before;
  const isKnown = seen?.isGone !== true && seen?.lease.metadata.resourceVersion === lease.metadata.resourceVersion;
  return isKnown ? before : { ...before, seen: { lease, at } };
}

/** Takes in a successful write. It counts from when it was begun: the server may have carried it out at once. */
export function wrote(lease: Lease, begunAt: number, { renew }: LeaseTiming): Election {
  return { seen: { lease, at: begunAt }, leadsUntil: begunAt + renew };
}

/** Whether work may go on. */
export function leads({ leadsUntil }: Election, now: number): boolean {
  return leadsUntil !== undefined && now < leadsUntil;
}

/** Who holds the lease, as far as is known; empty when nobody does. */
export function holderOf({ seen }: Election): string {
  return seen?.lease.spec?.holderIdentity ?? "";
}

/**
 * The next step: take a lease that is free, or that was not renewed for its whole duration, or renew one's own.
 * `wallClock` is written for people to read.
 */
export function nextStep(
  election: Election,
  candidate: Candidate,
  { now, wallClock }: { readonly now: number; readonly wallClock: number },
): Step {
  const { seen } = election;
  const { identity, timing } = candidate;
  const holder = holderOf(election);
  if (seen && holder !== "" && holder !== identity && now < seen.at + durationOf(seen.lease, timing))
    return { kind: "Wait", holder };
  const time = microTime(wallClock);
  const renewed = { leaseDurationSeconds: Math.ceil(timing.lease / 1000), renewTime: time };
  if (seen === undefined)
    return { kind: "Write", spec: { ...renewed, holderIdentity: identity, acquireTime: time, leaseTransitions: 0 } };
  const { acquireTime = time, leaseTransitions = 0, ...rest } = seen.lease.spec ?? {};
  const term =
    holder === identity
      ? { acquireTime, leaseTransitions }
      : { acquireTime: time, leaseTransitions: leaseTransitions + 1 };
  const spec = { ...rest, ...renewed, holderIdentity: identity, ...term };
  return { kind: "Write", spec, ...(seen.isGone !== true && { replaces: seen.lease }) };
}

/** Milliseconds that a holder was promised. */
function durationOf({ spec }: Lease, { lease }: LeaseTiming): number {
  return spec?.leaseDurationSeconds === undefined ? lease : spec.leaseDurationSeconds * 1000;
}

/** What to write so that the next candidate need not wait; undefined where the lease is not this candidate's. */
export function releasedLease(election: Election, identity: string, wallClock: number): Lease | undefined {
  const { seen } = election;
  if (seen?.lease.spec?.holderIdentity !== identity || seen.isGone === true) return undefined;
  const time = microTime(wallClock);
  // An empty holder says that it is free; the API server wants a duration of at least a second.
  return {
    ...seen.lease,
    spec: {
      ...seen.lease.spec,
      holderIdentity: "",
      leaseDurationSeconds: 1,
      renewTime: time,
      acquireTime: time,
    },
  };
}
