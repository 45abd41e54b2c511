import { hash } from "node:crypto";
import type { ClusterObject } from "../cluster/object.ts";
import { labels } from "../contract/names.ts";
import { withoutText } from "./sending-domain/key-history.ts";

type Data = Readonly<Record<string, string>>;

/**
 * What the operator keeps of an object in memory: nothing of a private key, which it has no use for, of a history what it
 * says and not the text, and digests of records that are handed over in five forms, of which it only asks whether they are
 * as it would write them.
 */
export function keptOf(object: ClusterObject): ClusterObject {
  const { metadata } = object;
  if (metadata.labels?.[labels.managedBy] !== "posthouse") return object;
  if (object.kind === "Secret" && metadata.labels[labels.key] !== undefined && "privateKey" in object.data)
    return { ...object, data: { ...object.data, privateKey: "" } };
  if (object.kind === "ConfigMap" && metadata.labels[labels.record] === "hand-over")
    return { ...object, data: digests(object.data) };
  if (object.kind === "ConfigMap" && metadata.labels[labels.record] === "key-history")
    return { ...object, data: withoutText(object.data) };
  return object;
}

/** Whether data is what is kept of these texts, or the texts themselves. */
export function isKept(data: Data, texts: Data): boolean {
  const names = Object.keys(texts);
  return (
    Object.keys(data).length === names.length &&
    names.every((name) => data[name] === texts[name] || data[name] === digest(texts[name] ?? ""))
  );
}

function digests(data: Data): Data {
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, digest(text)]));
}

function digest(text: string): string {
  return `sha256:${hash("sha256", text, "base64")}`;
}
