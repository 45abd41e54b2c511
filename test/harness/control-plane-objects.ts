/** What tests have made in an API server before they begin: namespaces, tokens of ServiceAccounts, Posthouse's CRDs. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import type { ApiServerClient, Asking } from "./api-server-client.ts";
import { until } from "./until.ts";

type Ask = ApiServerClient["ask"];

/** In ms: others may build and test on the same cores. */
const patience = 120_000;

/** The body of an answer that has to be good. */
async function demand(ask: Ask, asking: Asking): Promise<unknown> {
  const { code, body } = await ask(asking);
  if (code >= 300) throw new Error(`${asking.method ?? "GET"} ${asking.path}: ${code} ${JSON.stringify(body)}`);
  return body;
}

/** Makes a namespace and waits for its default ServiceAccount. `check` throws when nobody makes that any more. */
export async function makeNamespace(
  ask: Ask,
  labels: Readonly<Record<string, string>>,
  check: () => void,
): Promise<string> {
  const name = `test-${randomBytes(5).toString("hex")}`;
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
  await demand(ask, { method: "POST", path: "/api/v1/namespaces", body });
  const standing = async (): Promise<true | undefined> => {
    check();
    const { code } = await ask({ path: `/api/v1/namespaces/${name}/serviceaccounts/default` });
    return code === 200 || undefined;
  };
  await until(`namespace ${name} has its ServiceAccount`, standing, patience);
  return name;
}

/** A token of an hour of a ServiceAccount, which is made if there is none. */
export async function issueToken(ask: Ask, namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } };
  const made = await ask({ method: "POST", path, body: account });
  if (made.code !== 201 && made.code !== 409)
    throw new Error(`no ServiceAccount ${name}: ${JSON.stringify(made.body)}`);
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } };
  const answer = await demand(ask, { method: "POST", path: `${path}/${name}/token`, body: request });
  return (answer as { status: { token: string } }).status.token;
}

interface Crd {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Applies every committed CRD, and waits until the API server serves it. */
export async function establishCrds(ask: Ask): Promise<void> {
  const folder = new URL("../../crds/generated/", import.meta.url);
  for (const file of readdirSync(folder)) {
    const crd = parse(readFileSync(new URL(file, folder), "utf8")) as Crd;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`;
    await demand(ask, {
      method: "PATCH",
      path,
      body: crd,
      contentType: "application/apply-patch+yaml",
      query: { fieldManager: "test", force: "true", fieldValidation: "Strict" },
    });
    const established = async (): Promise<true | undefined> => {
      const { status } = (await demand(ask, { path })) as Crd;
      return status?.conditions?.some(({ type, status: is }) => type === "Established" && is === "True") || undefined;
    };
    await until(`${crd.metadata.name} is established`, established, patience);
  }
}
