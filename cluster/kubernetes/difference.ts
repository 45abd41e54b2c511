import { isDeepStrictEqual } from "node:util";
import { keyOf, keyText } from "../object.ts";
import type { ClusterObject } from "../object.ts";
import { Refused } from "../port.ts";
import type { OwnedKeys } from "./objects.ts";

/** Keys that an object has and should not have. */
export interface Surplus {
  readonly labels: readonly string[];
  readonly annotations: readonly string[];
  readonly data: readonly string[];
}

/** Whether an object has all that is wanted; what else it has is {@link surplus}. */
export function hasAll(now: ClusterObject, wanted: ClusterObject): boolean {
  if (!includes(now.metadata.labels, wanted.metadata.labels)) return false;
  if (!includes(now.metadata.annotations, wanted.metadata.annotations)) return false;
  if (isCustom(now) || isCustom(wanted)) return isDeepStrictEqual(specOf(now), specOf(wanted));
  return includes(now.data, wanted.data) && (wanted.immutable !== true || now.immutable === true);
}

/** What an object has beyond what is wanted. Whose that is, is another question. */
export function surplus(now: ClusterObject, wanted: ClusterObject): Surplus {
  return {
    labels: beyond(now.metadata.labels, wanted.metadata.labels),
    annotations: beyond(now.metadata.annotations, wanted.metadata.annotations),
    data: isCustom(now) || isCustom(wanted) ? [] : beyond(now.data, wanted.data),
  };
}

/** The part of a surplus that must go: all data, and those labels and annotations that Posthouse has set. */
export function toRemove({ labels, annotations, data }: Surplus, owned: OwnedKeys): Surplus {
  return {
    labels: labels.filter((key) => owned.labels.includes(key)),
    annotations: annotations.filter((key) => owned.annotations.includes(key)),
    data,
  };
}

/** Whether there is none. */
export function isNone({ labels, annotations, data }: Surplus): boolean {
  return labels.length + annotations.length + data.length === 0;
}

/** A JSON merge patch (RFC 7386) that takes a surplus out of one version of an object. */
export function removal(surplusKeys: Surplus, resourceVersion: string | undefined): Record<string, unknown> {
  const { labels, annotations, data } = surplusKeys;
  return {
    metadata: { resourceVersion, labels: nulls(labels), annotations: nulls(annotations) },
    ...(data.length > 0 && { data: nulls(data) }),
  };
}

function nulls(keys: readonly string[]): Record<string, null> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}

/** As the API server says it, before it is asked: data of an immutable object and the type of a Secret never change. */
export function refuseImmutable(now: ClusterObject, wanted: ClusterObject): void {
  if (isCustom(now) || isCustom(wanted)) return;
  const name = keyText(keyOf(now));
  if (now.kind === "Secret" && wanted.kind === "Secret" && now.type !== wanted.type)
    throw new Refused(`${name}: the type of a Secret is immutable`);
  if (now.immutable !== true) return;
  if (wanted.immutable !== true || !isDeepStrictEqual({ ...now.data }, { ...wanted.data }))
    throw new Refused(`${name} is immutable`);
}

function specOf(object: ClusterObject): unknown {
  return isCustom(object) ? object.spec : undefined;
}

/** What has a spec. */
type Custom = Extract<ClusterObject, { spec: unknown }>;

function isCustom(object: ClusterObject): object is Custom {
  return "spec" in object;
}

type Strings = Readonly<Record<string, string>>;

function includes(now: Strings = {}, wanted: Strings = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(now, key) && now[key] === value);
}

function beyond(now: Strings = {}, wanted: Strings = {}): readonly string[] {
  return Object.keys(now).filter((key) => !Object.hasOwn(wanted, key));
}
