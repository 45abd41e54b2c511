import { readFile } from "node:fs/promises";
import process from "node:process";
import { defaultContractNamespace } from "../contract/names.ts";

/** Where a pod finds the name of its namespace. */
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/**
 * The namespace of contracts, keys and records: the one that a flag names, else the pod's own, by POD_NAMESPACE or the file
 * that every pod has, else `posthouse-system`.
 */
export async function contractNamespaceOf(flag: string | undefined): Promise<string> {
  return flag ?? (await ownNamespace()) ?? defaultContractNamespace;
}

/** The namespace that this process runs in as a pod; undefined when it is none. */
export async function ownNamespace(): Promise<string | undefined> {
  const variable = process.env["POD_NAMESPACE"];
  if (variable !== undefined && variable !== "") return variable;
  const text = await readFile(namespaceFile, "utf8").catch(() => "");
  return text.trim() || undefined;
}
