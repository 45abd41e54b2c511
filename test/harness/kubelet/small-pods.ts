/** Small pods for tests: one container that runs a script, and how to look at them. */
import type { ControlPlane } from "../control-plane.ts";
import { until } from "../until.ts";
import { type Container, type Pod, type PodSpec } from "./pod.ts";

/** In ms: others may build and test on the same cores. */
export const patience = 90_000;

/** A pod with a status, as the API server gives it. */
export interface SeenPod extends Pod {
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly SeenContainer[];
    readonly containerStatuses?: readonly SeenContainer[];
  };
}

interface SeenContainer {
  readonly restartCount: number;
  readonly lastState?: { readonly terminated?: { readonly exitCode: number } };
  readonly ready: boolean;
  readonly state: {
    readonly waiting?: { readonly reason: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: { readonly exitCode: number; readonly reason: string };
  };
}

/** A container that runs a script in Node, of CommonJS so that Node's modules are there by name. */
export function scriptContainer(script: string, rest: Partial<Container> = {}): Container {
  const env = [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }, ...(rest.env ?? [])];
  return { name: "main", image: "posthouse", command: ["node", "--eval", script], ...rest, env };
}

/** A pod of one such container. */
export function scriptPod(script: string, container: Partial<Container> = {}, spec: Partial<PodSpec> = {}): object {
  return { terminationGracePeriodSeconds: 5, containers: [scriptContainer(script, container)], ...spec };
}

/** A web server on port 8080 of its pod that answers with `text`. */
export function server(text: string): string {
  return `
    process.on("SIGTERM", () => process.exit(0));
    http.createServer((request, response) => response.end(${JSON.stringify(text)})).listen(8080, process.env.POD_IP);`;
}

/** Pods and what belongs to them in one namespace. */
export interface Namespaced {
  readonly namespace: string;
  /** Creates an object of a path such as `/api/v1/.../pods`. */
  create(kind: string, name: string, rest: object): Promise<void>;
  pod(name: string): Promise<SeenPod | undefined>;
  /** Waits until a pod looks like this. */
  seen(name: string, what: string, looksSo: (pod: SeenPod) => boolean): Promise<SeenPod>;
  /** Waits until the pod has ended; gives what it wrote. */
  output(name: string): Promise<string>;
  /** `kubectl ARGS`, which has to succeed; its output. */
  kubectl(...args: readonly string[]): Promise<string>;
}

const apis: Readonly<Record<string, string>> = { Deployment: "apps/v1" };

/** A new namespace of a control plane. */
export async function newNamespace(controlPlane: ControlPlane): Promise<Namespaced> {
  const namespace = await controlPlane.namespace();
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await controlPlane.run("kubectl", ["--namespace", namespace, ...args]);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const pod = async (name: string): Promise<SeenPod | undefined> => {
    const { code, body } = await controlPlane.ask({ path: `/api/v1/namespaces/${namespace}/pods/${name}` });
    return code === 200 ? (body as SeenPod) : undefined;
  };
  const seen: Namespaced["seen"] = (name, what, looksSo) =>
    until(
      `pod ${name}: ${what}`,
      async () => {
        const found = await pod(name);
        return found && looksSo(found) ? found : undefined;
      },
      patience,
    );
  return {
    namespace,
    pod,
    seen,
    kubectl,
    async create(kind, name, rest) {
      const apiVersion = apis[kind] ?? "v1";
      const prefix = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
      const path = `${prefix}/namespaces/${namespace}/${kind.toLowerCase()}s`;
      const body = { apiVersion, kind, metadata: { name, labels: { app: name } }, ...rest };
      const answer = await controlPlane.ask({ method: "POST", path, body });
      if (answer.code !== 201) throw new Error(`${kind} ${name}: ${JSON.stringify(answer.body)}`);
    },
    async output(name) {
      await seen(name, "ended", ({ status }) => status.phase === "Succeeded" || status.phase === "Failed");
      return kubectl("logs", name);
    },
  };
}

/** Whether a condition of a pod is True. */
export function holds({ status }: SeenPod, type: string): boolean {
  return status.conditions?.some((condition) => condition.type === type && condition.status === "True") === true;
}
