import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Delivery, Spool } from "../store/spool.ts";

/** The lease of a delivery that is being worked on. */
export interface Lease {
  /** Aborted once somebody else has the delivery. */
  readonly lost: AbortSignal;
  /** When it lapses, if it is not renewed again. Milliseconds since the epoch. */
  readonly until: number;
  /**
   * Whether a third of the lease is left, renewing it when not. Asked before the final dot: whoever claims the delivery next
   * cannot do so while the hop is about to answer.
   */
  mayEnd(): Promise<boolean>;
  /** Renews it no more. */
  stop(): void;
}

export interface LeaseParts {
  readonly spool: Pick<Spool, "renew">;
  readonly clock: Clock;
  readonly log: Logger;
  /** What a lease is long, in milliseconds. */
  readonly length: number;
}

type Held = Pick<Delivery, "key" | "token" | "leaseUntil">;

/** Renews a lease each third of its length until it is stopped or lost. A store that cannot be asked leaves it as it is. */
export function keepLease(delivery: Held, { spool, clock, log, length }: LeaseParts): Lease {
  const controller = new AbortController();
  const third = length / 3;
  let until = delivery.leaseUntil;
  let stopped = false;
  let cancel = clock.after(third, () => void renewAgain());

  /** False once somebody else has it, or nobody. A store that does not answer says neither. */
  async function renew(): Promise<boolean> {
    const asked = clock.now() + length;
    try {
      const renewed = await spool.renew(delivery, asked);
      if (renewed) until = Math.max(until, asked);
      else if (!stopped) controller.abort();
      return renewed;
    } catch (error) {
      log.warn({ err: error, delivery: delivery.key }, "a lease cannot be renewed; trying again");
      return true;
    }
  }

  async function renewAgain(): Promise<void> {
    const isOurs = await renew();
    if (isOurs && !stopped) cancel = clock.after(third, () => void renewAgain());
  }

  const isLong = (): boolean => !controller.signal.aborted && until - clock.now() >= third;
  return {
    lost: controller.signal,
    get until() {
      return until;
    },
    async mayEnd() {
      if (isLong()) return true;
      if (!controller.signal.aborted) await renew();
      return isLong();
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}
