/** ServiceAccounts of a test that may do what the chart's Roles say, and no more: the chart renders them. */
import { stringify } from "yaml";
import { chartFolder, objectsOf } from "./chart.ts";
import type { ControlPlane } from "./control-plane.ts";

/** What the Roles are for. */
export interface Grant {
  /** The release's. */
  readonly namespace: string;
  readonly component: "operator" | "relay";
  /** Begins the names of the ServiceAccount and of its Roles; `posthouse` when absent. */
  readonly release?: string;
  /** As far as Roles depend on it. */
  readonly fleet?: { readonly dnsAutomation?: readonly object[] };
}

/** Makes the Roles of a component, with their bindings. The name of the ServiceAccount that they are for. */
export async function grantAsChart(plane: ControlPlane, grant: Grant): Promise<string> {
  const { namespace, component, release = "posthouse", fleet = {} } = grant;
  const file = `templates/${component}/rbac.yaml`;
  const args = ["template", release, chartFolder, "--namespace", namespace, "--show-only", file, "--values", "-"];
  const { code, stdout, stderr } = await plane.run("helm", args, stringify({ fleet }));
  if (code !== 0) throw new Error(stderr);
  for (const object of objectsOf(stdout)) {
    const { kind, metadata } = object;
    const where = metadata.namespace === undefined ? "" : `namespaces/${metadata.namespace}/`;
    const path = `/apis/rbac.authorization.k8s.io/v1/${where}${kind.toLowerCase()}s`;
    const answer = await plane.ask({ method: "POST", path, body: object });
    if (answer.code !== 201) throw new Error(`${kind} ${metadata.name}: ${JSON.stringify(answer.body)}`);
  }
  return `${release}-${component}`;
}

/** The kubeconfig file of a component's ServiceAccount, which may do what the chart lets it. */
export async function chartAccount(plane: ControlPlane, grant: Grant): Promise<string> {
  return plane.serviceAccountKubeconfig(grant.namespace, await grantAsChart(plane, grant));
}
