import type { TokenVerdict } from "../cluster/kubernetes/token-review.ts";
import { encodeUsage, mostTenants, usageAudience, type UsageSource } from "../contract/usage.ts";
import { type AdminRequest, type Page, plainPage } from "../runtime/http.ts";
import type { Logger } from "../runtime/log.ts";

export interface UsageResource {
  readonly usage: UsageSource;
  /** Asks whose a token is. */
  readonly review: (token: string) => Promise<TokenVerdict>;
  /** `namespace/name` of the ServiceAccount that may read. */
  readonly reader: string;
  readonly log: Logger;
}

const tenantForm = /^[a-z0-9][-a-z0-9]{0,62}\/[a-z0-9][-a-z0-9.]{0,252}$/;

/**
 * `GET /v1/usage?tenant=NAMESPACE/NAME&tenant=...`: what tenants of the fleet have used, for the ServiceAccount of the operator
 * alone. 401 without a token that stands for somebody, 403 for somebody else, 503 when that or the ledger cannot be asked.
 */
export function usageResource({ usage, review, reader, log }: UsageResource): (request: AdminRequest) => Promise<Page> {
  const [namespace, name] = reader.split("/");
  const username = `system:serviceaccount:${namespace}:${name}`;
  let told = false;
  const refusal = (verdict: TokenVerdict): Page | undefined => {
    if (verdict.kind === "Forbidden" && !told)
      log.warn(
        { remedy: "let its ServiceAccount create tokenreviews.authentication.k8s.io, or leave usage off" },
        "usage is off: this relay may not ask the API server whose a token is",
      );
    if (verdict.kind !== "Unavailable") told = verdict.kind === "Forbidden";
    return pageOf(verdict, username);
  };
  return async ({ token, query }) => {
    const refused = token === undefined ? refusals.Nobody : refusal(await review(token));
    if (refused !== undefined) return refused;
    const tenants = [...new Set(query.getAll("tenant"))];
    if (tenants.length > mostTenants || !tenants.every((tenant) => tenantForm.test(tenant)))
      return plainPage(400, `name at most ${mostTenants} tenants as tenant=NAMESPACE/NAME`);
    try {
      return { status: 200, type: "application/json", body: encodeUsage(await usage.usage(tenants)) };
    } catch (err) {
      log.warn({ err }, "cannot read the ledger for the operator");
      return plainPage(503, "the ledger cannot be read now");
    }
  };
}

const refusals: Readonly<Record<Exclude<TokenVerdict["kind"], "User">, Page>> = {
  Nobody: plainPage(401, `a bearer token of the audience ${usageAudience} is needed`),
  Forbidden: plainPage(503, "usage is off: this relay may not create tokenreviews"),
  Unavailable: plainPage(503, "the API server cannot be asked whose the token is"),
};
const notTheReader = plainPage(403, "the ServiceAccount of this token may not read usage");

/** Why usage is not told; undefined when it is. */
function pageOf(verdict: TokenVerdict, username: string): Page | undefined {
  if (verdict.kind !== "User") return refusals[verdict.kind];
  return verdict.name === username ? undefined : notTheReader;
}
