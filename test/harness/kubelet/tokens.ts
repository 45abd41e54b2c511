/** Tokens of ServiceAccounts for pods, by TokenRequest, renewed before they end. */
import type { Api } from "../../../cluster/kubernetes/api.ts";
import type { Pod, TokenProjection } from "./pod.ts";

interface Issued {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
}

export interface Tokens {
  /** The token of this projection that was asked for last. Throws when {@link Tokens.renew} never got one. */
  of(projection: TokenProjection): string;
  /** Asks for every token that is not there or that is old. */
  renew(now: number): Promise<void>;
}

/** When a token is asked for anew: after four fifths of its life, and after a day at the latest. */
export function renewalTime(issuedAt: number, expiresAt: number): number {
  return Math.min(issuedAt + (expiresAt - issuedAt) * 0.8, issuedAt + 24 * 3_600_000);
}

/** The tokens that the volumes of a pod project. */
export function podTokens(api: Api, pod: Pod): Tokens {
  const issued = new Map<string, Issued>();
  const wanted = (pod.spec.volumes ?? [])
    .flatMap((volume) => volume.projected?.sources ?? [])
    .flatMap(({ serviceAccountToken }) => (serviceAccountToken ? [serviceAccountToken] : []));
  return {
    of(projection) {
      const found = issued.get(nameOf(projection));
      if (!found) throw new Error("the token has not been issued");
      return found.token;
    },
    async renew(now) {
      for (const projection of wanted) {
        const name = nameOf(projection);
        if (now < (issued.get(name)?.renewAt ?? 0)) continue;
        issued.set(name, await request(api, pod, { projection, now }));
      }
    },
  };
}

function nameOf({ audience = "", expirationSeconds = 3600 }: TokenProjection): string {
  return `${audience} ${expirationSeconds}`;
}

async function request(
  api: Api,
  { metadata, spec }: Pod,
  { projection, now }: { projection: TokenProjection; now: number },
): Promise<Issued> {
  const { audience, expirationSeconds = 3600 } = projection;
  const account = spec.serviceAccountName ?? "default";
  const answer = await api.request({
    method: "POST",
    path: `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: audience === undefined ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name: metadata.name, uid: metadata.uid },
      },
    },
  });
  const { status } = answer as { status: { token: string; expirationTimestamp: string } };
  return { token: status.token, renewAt: renewalTime(now, Date.parse(status.expirationTimestamp)) };
}
