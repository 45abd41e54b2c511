/** Which pods stand behind a Service, and what names they go by. */
import { portNumber, type Pod, type Service } from "./pod.ts";

export interface Backend {
  readonly host: string;
  readonly port: number;
}

export type ServicePort = NonNullable<Service["spec"]["ports"]>[number];

/** The ready pods of a Service, or those that are being stopped and are ready still when there are no others. */
export function podsOf({ metadata, spec }: Service, pods: readonly Pod[]): readonly Pod[] {
  const selector = Object.entries(spec.selector ?? {});
  if (selector.length === 0) return [];
  const chosen = pods.filter(
    (pod) =>
      pod.metadata.namespace === metadata.namespace &&
      pod.status?.podIP !== undefined &&
      selector.every(([name, value]) => pod.metadata.labels?.[name] === value) &&
      (spec.publishNotReadyAddresses === true || isReady(pod)),
  );
  const staying = chosen.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  return staying.length > 0 ? staying : chosen;
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true;
}

/** Where connections to one port of a Service may go. A named target port is each pod's own. */
export function backendsOf(service: Service, port: ServicePort, pods: readonly Pod[]): readonly Backend[] {
  return podsOf(service, pods).flatMap((pod) => {
    const target = portNumber(port.targetPort ?? port.port, pod.spec.containers);
    const host = pod.status?.podIP;
    return target === undefined || host === undefined ? [] : [{ host, port: target }];
  });
}

/** The hosts file of a pod: itself, every Service, and the pods of Services without an address of their own. */
export function hostsOf(pod: Pod, podIp: string, services: readonly Service[], pods: readonly Pod[]): string {
  const lines = [`127.0.0.1 localhost`, `${podIp} ${pod.spec.hostname ?? pod.metadata.name}`];
  for (const service of services) {
    const names = namesOf(service, pod.metadata.namespace).join(" ");
    const { clusterIP = "" } = service.spec;
    if (clusterIP !== "" && clusterIP !== "None") lines.push(`${clusterIP} ${names}`);
    if (clusterIP === "None") lines.push(...podLines(service, podsOf(service, pods), names));
  }
  return `${lines.join("\n")}\n`;
}

function podLines(service: Service, pods: readonly Pod[], names: string): readonly string[] {
  const { name, namespace } = service.metadata;
  return pods.map((pod) => {
    const own = pod.spec.hostname ?? pod.metadata.name;
    return `${pod.status?.podIP} ${names} ${own}.${name}.${namespace}.svc.cluster.local ${own}.${name}.${namespace}.svc`;
  });
}

function namesOf({ metadata: { name, namespace } }: Service, from: string): readonly string[] {
  const full = [`${name}.${namespace}.svc.cluster.local`, `${name}.${namespace}.svc`, `${name}.${namespace}`];
  return namespace === from ? [...full, name] : full;
}
