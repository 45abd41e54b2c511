import { readFile } from "node:fs/promises";
import type { Api } from "../cluster/kubernetes/api.ts";
import { readyRelayPods, type RelayPod } from "../cluster/kubernetes/relay-pods.ts";
import { decodeUsage, mostTenants, type TenantUsage, usagePath, type UsageSource } from "../contract/usage.ts";
import { isWithin, type Clock } from "../runtime/clock.ts";
import { whileAllowed } from "../runtime/while-allowed.ts";
import { relayLabels } from "./relay-labels.ts";

export interface RelayUsageOptions {
  readonly api: Pick<Api, "request">;
  /** The release's namespace, where its relay pods are. */
  readonly namespace: string;
  readonly clock: Clock;
  /** For the pod that is asked first. */
  readonly random: () => number;
  /** Of the relay pods, no other is shown the token; {@link relayLabels} when absent. */
  readonly labelSelector?: string;
  /** File with the token that is shown to them; kubelet renews it. {@link usageTokenFile} when absent. */
  readonly tokenFile?: string;
}

/** Where the chart mounts the operator's token for relays. */
export const usageTokenFile = "/var/run/secrets/posthouse.dev/usage/token";

/** Nobody can tell what tenants have used now; the message says why. */
export class UsageUnavailable extends Error {
  override readonly name = "UsageUnavailable";
}

/** Milliseconds: who asks meanwhile is asked for together; pods are listed again; one answers; nobody is asked again after a failure. */
const timing = { gather: 20, pods: 10_000, request: 5000, pause: 10_000 };
/** Pods that are tried before nobody answers. */
const tries = 3;
/** Octets of tenants in one URL: servers take 16 KiB of a request's head. */
const longestQuery = 8192;
const longestAnswer = 4_194_304;

interface Question {
  readonly tenants: readonly string[];
  readonly signal: AbortSignal;
}

/** A question that waits for others to join it. */
interface Waiting {
  /** What this asker hears: the rows of all, or why its own signal came. */
  readonly join: (tenants: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, TenantUsage>>;
}

/**
 * What tenants have used, as one of the release's ready relays tells it over HTTP: another one each time, the next when one
 * does not answer. Many who ask at once, as at the operator's start, cost one question, which ends when
 * the signals of all of them have come; after a failure nobody waits for the next ten seconds.
 */
export function usageFromRelays(options: RelayUsageOptions): UsageSource {
  const { clock } = options;
  const pods = podList(options);
  let waiting: Waiting | undefined;
  let failed: { readonly error: unknown; readonly at: number } | undefined;
  let turn = Math.floor(options.random() * 1000);

  const ask = async (question: Question): Promise<ReadonlyMap<string, TenantUsage>> => {
    try {
      const rows = await askListed(options, pods, turn, question);
      failed = undefined;
      return rows;
    } catch (error) {
      // That all who asked went away says nothing of the relays.
      if (!question.signal.aborted) failed = { error, at: clock.now() };
      throw error;
    } finally {
      turn += 1;
    }
  };
  const gather = (): Waiting => {
    const tenants = new Set<string>();
    const signals = new Set<AbortSignal>();
    const rows = clock.sleep(timing.gather).then(() => {
      waiting = undefined;
      const all = allOf(signals);
      return ask({ tenants: [...tenants], signal: all.signal }).finally(all.end);
    });
    return {
      join(more, signal) {
        for (const tenant of more) tenants.add(tenant);
        signals.add(signal);
        return whileAllowed(rows, signal);
      },
    };
  };
  return {
    async usage(tenants, signal = new AbortController().signal) {
      if (tenants.length === 0) return new Map();
      if (failed !== undefined && isWithin(clock.now(), failed.at, timing.pause)) throw failed.error;
      waiting ??= gather();
      const all = await waiting.join(tenants, signal);
      return new Map(tenants.flatMap((tenant) => rowOf(all, tenant)));
    },
  };
}

/** A signal that comes when all of these have come; `end` lets go of them. */
function allOf(signals: ReadonlySet<AbortSignal>): { readonly signal: AbortSignal; readonly end: () => void } {
  const all = new AbortController();
  const over = new AbortController();
  const look = (): void => {
    if ([...signals].every(({ aborted }) => aborted)) all.abort(new Error("nobody waits for the answer"));
  };
  for (const signal of signals) signal.addEventListener("abort", look, { once: true, signal: over.signal });
  look();
  return { signal: all.signal, end: () => over.abort() };
}

function rowOf(rows: ReadonlyMap<string, TenantUsage>, tenant: string): readonly (readonly [string, TenantUsage])[] {
  const row = rows.get(tenant);
  return row === undefined ? [] : [[tenant, row]];
}

interface PodList {
  /** As it was listed a short while ago, if it was. */
  readonly remembered: () => readonly RelayPod[] | undefined;
  /** Lists anew. */
  readonly list: (signal: AbortSignal) => Promise<readonly RelayPod[]>;
}

function podList(options: RelayUsageOptions): PodList {
  const { clock, api, namespace, labelSelector = relayLabels } = options;
  let known: { readonly pods: readonly RelayPod[]; readonly at: number } | undefined;
  return {
    remembered: () => (known !== undefined && isWithin(clock.now(), known.at, timing.pods) ? known.pods : undefined),
    async list(signal) {
      known = undefined;
      const pods = await readyRelayPods({ api, namespace, labelSelector, portName: "admin", signal });
      if (pods.length === 0) throw new UsageUnavailable(`no relay pod with ${labelSelector} is ready in ${namespace}`);
      known = { pods, at: clock.now() };
      return pods;
    },
  };
}

/** Asks the pods that are remembered; those of a new list when none answers: a roll-out may have replaced them all. */
async function askListed(
  options: RelayUsageOptions,
  pods: PodList,
  turn: number,
  question: Question,
): Promise<ReadonlyMap<string, TenantUsage>> {
  const remembered = pods.remembered();
  if (remembered !== undefined) {
    const rows = await askSomebody(options, inTurn(remembered, turn), question).catch(() => undefined);
    if (rows !== undefined) return rows;
  }
  return askSomebody(options, inTurn(await pods.list(question.signal), turn), question);
}

function inTurn(pods: readonly RelayPod[], turn: number): readonly RelayPod[] {
  const first = turn % pods.length;
  return [...pods.slice(first), ...pods.slice(0, first)].slice(0, tries);
}

async function askSomebody(
  options: RelayUsageOptions,
  pods: readonly RelayPod[],
  { tenants, signal }: Question,
): Promise<ReadonlyMap<string, TenantUsage>> {
  const token = (await readFile(options.tokenFile ?? usageTokenFile, "utf8")).trim();
  const failures: string[] = [];
  for (const pod of pods) {
    try {
      const rows: (readonly [string, TenantUsage])[] = [];
      for (const some of inQueries(tenants)) rows.push(...(await askPod(pod, token, { tenants: some, signal })));
      return new Map(rows);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(`${pod.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new UsageUnavailable(`no relay tells what tenants have used; ${failures.join("; ")}`);
}

/** Tenants by what fits into one URL. */
export function inQueries(tenants: readonly string[]): readonly (readonly string[])[] {
  const queries: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const tenant of tenants) {
    const more = tenant.length + "tenant=%2F&".length;
    const last = queries.at(-1);
    if (last === undefined || length + more > longestQuery || last.length >= mostTenants) {
      queries.push([tenant]);
      length = more;
    } else {
      last.push(tenant);
      length += more;
    }
  }
  return queries;
}

async function askPod(
  { address, port }: RelayPod,
  token: string,
  { tenants, signal }: Question,
): Promise<ReadonlyMap<string, TenantUsage>> {
  const host = address.includes(":") ? `[${address}]` : address;
  const query = new URLSearchParams(tenants.map((tenant) => ["tenant", tenant])).toString();
  const response = await fetch(`http://${host}:${port}${usagePath}?${query}`, {
    headers: { authorization: `Bearer ${token}` },
    redirect: "error",
    signal: AbortSignal.any([AbortSignal.timeout(timing.request), signal]),
  });
  const text = await readText(response);
  if (!response.ok) throw new UsageUnavailable(`${response.status} ${text.trim().slice(0, 200)}`);
  const decoded = decodeUsage(text);
  if ("error" in decoded) throw new UsageUnavailable(`it answers what is no report of usage: ${decoded.error}`);
  return decoded.value;
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > longestAnswer) throw new UsageUnavailable("its answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
