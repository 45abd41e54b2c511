/** Something that is wrong in a store. */
export interface StoreProblem {
  /**
   * `Damaged`: a record or a part of the file cannot be read. `Orphan`: something that belongs to it is missing. `Index`: an
   * index does not fit what it leads to. `Counter`: a counter does not fit what it counts.
   */
  readonly kind: "Damaged" | "Orphan" | "Index" | "Counter";
  /** What it is about, such as a message id; empty for the store as a whole. */
  readonly id: string;
  /** For people. */
  readonly what: string;
}

/** What a store holds, as far as it can be read. */
export interface StoreCounts {
  readonly messages: number;
  readonly deliveries: number;
  /** Octets of queued content. */
  readonly octets: number;
  readonly captures: number;
  /** Tenants with a row of credits. */
  readonly tenants: number;
  readonly apiKeys: number;
  readonly rates: number;
  readonly billed: number;
}

export interface StoreReport {
  readonly counts: StoreCounts;
  readonly problems: readonly StoreProblem[];
  /** Problems beyond those that are told. */
  readonly more: number;
}

/** Gathers problems, so many at most: a store that is wrecked has more of them than anybody reads. */
export function problemList(most = 10_000): {
  readonly add: (problem: StoreProblem) => void;
  readonly report: (counts: StoreCounts) => StoreReport;
} {
  const problems: StoreProblem[] = [];
  let more = 0;
  return {
    add(problem) {
      if (problems.length < most) problems.push(problem);
      else more += 1;
    },
    report: (counts) => ({ counts, problems, more }),
  };
}

/** The octets in the spool of a tenant are counted wrong. */
export function spoolCounter(tenant: string, told: number, there: number): StoreProblem {
  return {
    kind: "Counter",
    id: tenant,
    what: `${told} octets are counted in the spool of ${tenant}, there are ${there}`,
  };
}

/** The octets of an environment's captures are counted wrong. */
export function captureCounter(environment: string, told: number, there: number): StoreProblem {
  const what = `${told} octets are counted in the captures of ${environment}, there are ${there}`;
  return { kind: "Counter", id: environment, what };
}
