/** Custom resources on a control plane of tests, as their users make them and wait for them. */
import type { AuditEvent } from "./audit-log.ts";
import type { ControlPlane } from "./control-plane.ts";
import { until } from "./until.ts";

/** In ms: others may build and test on the same cores. */
const patience = 120_000;
const crds = "/apis/posthouse.dev/v1alpha1";

/** A status as far as tests look at it. */
export interface SeenStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  readonly credits?: { readonly used: number };
  readonly records?: readonly { readonly purpose: string; readonly fqdn: string; readonly value: string }[];
}

/** `plural/namespace/name`. */
type Place = `${"relaytenants" | "sendingdomains"}/${string}/${string}`;

/** Creates a custom resource. Throws what the API server says. */
export async function make({ ask }: ControlPlane, place: Place, spec: object): Promise<void> {
  const [plural, namespace, name] = place.split("/");
  const kind = plural === "relaytenants" ? "RelayTenant" : "SendingDomain";
  const body = { apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { name }, spec };
  const answer = await ask({ method: "POST", path: `${crds}/namespaces/${namespace}/${plural}`, body });
  if (answer.code !== 201) throw new Error(`${place}: ${answer.code} ${JSON.stringify(answer.body)}`);
}

/** A tenant that delivers, with one credential in the Secret `shop-web`. */
export const deliveringTenant = {
  allowance: { plan: "Pro", credits: { type: "Recurring", amount: 1000, reset: "Monthly" } },
  environments: [{ name: "production", mode: "Deliver", credentials: [{ name: "web", secretName: "shop-web" }] }],
};

/** Waits for a status of a custom resource; throws what `why` says after two minutes. */
export function becomes(
  { ask }: ControlPlane,
  place: Place,
  isSo: (status: SeenStatus) => boolean,
  why: () => string,
): Promise<SeenStatus> {
  const [plural, namespace, name] = place.split("/");
  let seen: SeenStatus = {};
  const look = async (): Promise<SeenStatus | undefined> => {
    const { body } = await ask({ path: `${crds}/namespaces/${namespace}/${plural}/${name}` });
    seen = (body as { status?: SeenStatus }).status ?? {};
    return isSo(seen) ? seen : undefined;
  };
  return until(`${place} becomes so`, look, patience).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(seen)}\n${why()}`);
  });
}

/** Whether a condition is `Status/Reason`. */
export function has(type: string, expected: string): (status: SeenStatus) => boolean {
  return ({ conditions = [] }) =>
    conditions.some((each) => each.type === type && `${each.status}/${each.reason}` === expected);
}

interface KeySecret {
  readonly metadata: { readonly uid: string };
  readonly data: Readonly<Record<"domain" | "algorithm" | "selector", string>>;
}

/** DKIM keys in a contract namespace, as `domain algorithm selector uid`. */
export async function keysOf({ ask }: ControlPlane, namespace: string): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${namespace}/secrets?labelSelector=posthouse.dev%2Fkey%3Ddkim`;
  const { body } = await ask({ path });
  const { items } = body as { items: readonly KeySecret[] };
  const line = ({ metadata, data }: KeySecret): string =>
    [data.domain, data.algorithm, data.selector]
      .map((text) => atob(text))
      .concat(metadata.uid)
      .join(" ");
  return items.map(line).toSorted();
}

const reads: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/** What a ServiceAccount has written so far, whatever became of it, one line each; renewals of Leases left out. */
export async function writesOf(plane: ControlPlane, namespace: string, account: string): Promise<readonly string[]> {
  const events = await plane.auditEvents();
  const user = `system:serviceaccount:${namespace}:${account}`;
  const isWrite = ({ verb, user: { username }, objectRef }: AuditEvent): boolean =>
    username === user && !reads.has(verb) && objectRef?.resource !== "leases";
  return events.filter(isWrite).map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

/** Resolves when a ServiceAccount has written nothing for four seconds; how much it has until then. */
export async function writingEnds(plane: ControlPlane, namespace: string, account: string): Promise<number> {
  const look = async (): Promise<number | undefined> => {
    const before = await writesOf(plane, namespace, account);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const after = await writesOf(plane, namespace, account);
    return before.length === after.length ? after.length : undefined;
  };
  return until("writing ends", look, patience);
}
