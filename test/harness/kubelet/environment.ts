/** The environment of a container, and the command with its variables filled in. */
import { fieldValue, resourceValue, type Place } from "./downward.ts";
import { expand } from "./expand.ts";
import type { Image } from "./image.ts";
import {
  NotThere,
  type ConfigMap,
  type Container,
  type EnvironmentVariable,
  type Pod,
  type Secret,
  type Service,
} from "./pod.ts";

/** Objects that the kubelet has seen. */
export interface Objects {
  secret(namespace: string, name: string): Secret | undefined;
  configMap(namespace: string, name: string): ConfigMap | undefined;
  /** All Services, of every namespace. */
  services(): readonly Service[];
}

export interface Setting {
  readonly pod: Pod;
  readonly place: Place;
  readonly objects: Objects;
  readonly image: Image;
}

/** Every variable of a container. Throws {@link NotThere} for a Secret, a ConfigMap or a key that is not there and not optional. */
export function environmentOf(container: Container, setting: Setting): Readonly<Record<string, string>> {
  const { pod, image, objects } = setting;
  const links = serviceVariables(objects.services(), pod);
  const env: Record<string, string> = { ...image.env, HOSTNAME: pod.spec.hostname ?? pod.metadata.name, ...links };
  for (const { prefix = "", ...source } of container.envFrom ?? [])
    for (const [name, value] of Object.entries(allOf(source, setting))) env[`${prefix}${name}`] = value;
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom ? valueFrom(variable, container, setting) : expand(variable.value ?? "", env);
    if (value !== undefined) env[variable.name] = value;
  }
  return env;
}

/** What runs: the image's entry point, or the container's command, and its arguments. */
export function argumentsOf(
  container: Container,
  image: Image,
  env: Readonly<Record<string, string>>,
): readonly string[] {
  const command = container.command ?? image.entrypoint;
  const args = container.args ?? (container.command ? [] : image.cmd);
  return [...command, ...args].map((part) => expand(part, env));
}

function allOf(
  source: Omit<NonNullable<Container["envFrom"]>[number], "prefix">,
  setting: Setting,
): Record<string, string> {
  const { metadata } = setting.pod;
  const { secretRef, configMapRef } = source;
  if (secretRef) {
    const secret = setting.objects.secret(metadata.namespace, secretRef.name);
    if (!secret && secretRef.optional !== true) throw new NotThere(`secret "${secretRef.name}" not found`);
    return Object.fromEntries(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, decoded(value)]));
  }
  if (!configMapRef) return {};
  const map = setting.objects.configMap(metadata.namespace, configMapRef.name);
  if (!map && configMapRef.optional !== true) throw new NotThere(`configmap "${configMapRef.name}" not found`);
  return { ...map?.data };
}

function valueFrom(
  { valueFrom: from = {} }: EnvironmentVariable,
  container: Container,
  setting: Setting,
): string | undefined {
  const { pod, place, objects } = setting;
  const { secretKeyRef, configMapKeyRef, fieldRef, resourceFieldRef } = from;
  const { namespace } = pod.metadata;
  if (fieldRef) return fieldValue(fieldRef.fieldPath, pod, place);
  if (resourceFieldRef) return resourceValue(resourceFieldRef, container);
  if (secretKeyRef) {
    const value = objects.secret(namespace, secretKeyRef.name)?.data?.[secretKeyRef.key];
    return needed(decodedOrNot(value), "secret", secretKeyRef);
  }
  if (!configMapKeyRef) return "";
  const value = objects.configMap(namespace, configMapKeyRef.name)?.data?.[configMapKeyRef.key];
  return needed(value, "configmap", configMapKeyRef);
}

function needed(
  value: string | undefined,
  kind: string,
  { name, key, optional }: { name: string; key: string; optional?: boolean },
): string | undefined {
  if (value === undefined && optional !== true) throw new NotThere(`${kind} "${name}" has no key ${key}`);
  return value;
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}

function decodedOrNot(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : decoded(base64);
}

/** Docker's link variables: of the Services of the pod's namespace unless it wants none, and always of the API server's. */
function serviceVariables(services: readonly Service[], pod: Pod): Record<string, string> {
  const env: Record<string, string> = {};
  for (const service of services) {
    const { name, namespace } = service.metadata;
    const isApiServer = namespace === "default" && name === "kubernetes";
    const isLinked = namespace === pod.metadata.namespace && pod.spec.enableServiceLinks !== false;
    if (isApiServer || isLinked) Object.assign(env, variablesOf(service));
  }
  return env;
}

function variablesOf({ metadata, spec }: Service): Record<string, string> {
  const { clusterIP: ip = "None", ports = [] } = spec;
  const [first] = ports;
  if (ip === "None" || ip === "" || first === undefined) return {};
  const prefix = metadata.name.toUpperCase().replaceAll("-", "_");
  const env: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: ip,
    [`${prefix}_SERVICE_PORT`]: String(first.port),
    [`${prefix}_PORT`]: `${(first.protocol ?? "TCP").toLowerCase()}://${ip}:${first.port}`,
  };
  for (const { name, port, protocol = "TCP" } of ports) {
    const link = `${prefix}_PORT_${port}_${protocol}`;
    if (name !== undefined) env[`${prefix}_SERVICE_PORT_${name.toUpperCase().replaceAll("-", "_")}`] = String(port);
    env[link] = `${protocol.toLowerCase()}://${ip}:${port}`;
    env[`${link}_PROTO`] = protocol.toLowerCase();
    env[`${link}_PORT`] = String(port);
    env[`${link}_ADDR`] = ip;
  }
  return env;
}
