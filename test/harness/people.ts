/** Users of a cluster of tests: each has a certificate of its own, and may do what it is bound to. */
import type { ControlPlane } from "./control-plane.ts";
import type { Finished } from "./posthouse.ts";

/** What a user is bound to: a ClusterRole in a namespace, or everywhere. */
export interface Place {
  readonly role: string;
  readonly namespace?: string;
}

export interface People<Name extends string> {
  /** Runs kubectl to its end as one of them. A command is split at its blanks. */
  readonly as: (name: Name, command: string, input?: string) => Promise<Finished>;
  /** The same; what kubectl writes. Throws what it complains of. */
  readonly does: (name: Name, command: string, input?: string) => Promise<string>;
}

/** Makes users and their bindings. */
export async function introduce<Name extends string>(
  { ask, run, userKubeconfig }: ControlPlane,
  places: Readonly<Record<Name, Place>>,
): Promise<People<Name>> {
  const files = new Map<string, string>();
  for (const [name, { role, namespace }] of Object.entries<Place>(places)) {
    files.set(name, await userKubeconfig(name));
    const kind = namespace === undefined ? "ClusterRoleBinding" : "RoleBinding";
    const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
    const { code, body } = await ask({
      method: "POST",
      path: `/apis/rbac.authorization.k8s.io/v1${within}/${kind.toLowerCase()}s`,
      body: {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind,
        metadata: { name },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name }],
      },
    });
    if (code !== 201) throw new Error(`${name} is not bound: ${JSON.stringify(body)}`);
  }
  const as: People<Name>["as"] = (name, command, input = "") =>
    run("kubectl", command.trim().split(/\s+/), input, files.get(name));
  return {
    as,
    async does(name, command, input) {
      const { code, stdout, stderr } = await as(name, command, input);
      if (code !== 0) throw new Error(`${name}: kubectl ${command}\n${stdout}${stderr}`);
      return stdout;
    },
  };
}
