import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { Pair } from "./control-plane-pki.ts";

export interface KubeconfigServer {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Writes a kubeconfig file for the holder of a certificate or a token, with everything in it; gives its path. */
export async function writeKubeconfig(
  file: string,
  server: KubeconfigServer,
  holder: Pair | { readonly token: string },
): Promise<string> {
  const user =
    "token" in holder
      ? { token: holder.token }
      : { "client-certificate-data": base64(holder.cert), "client-key-data": base64(holder.key) };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: server.url, "certificate-authority-data": base64(server.ca) } }],
    users: [{ name: "test", user }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
  await writeFile(file, stringify(config), { mode: 0o600 });
  return file;
}
