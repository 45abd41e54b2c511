import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { Access } from "./access.ts";
import { fieldsOf } from "./objects.ts";

/** The API server as a pod is told of it: the variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
export interface PodServer {
  readonly host: string;
  readonly port: string;
}

/** Where a pod finds its ServiceAccount. */
export const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/** With what a fingerprint is made of. */
export function withFingerprint(access: Omit<Access, "fingerprint">): Access {
  const { server, proxy, tls } = access;
  return {
    ...access,
    fingerprint: hash("sha256", JSON.stringify([server, proxy, ...Object.values(tls).map(String)])),
  };
}

/** Access by a pod's ServiceAccount. Throws when its files cannot be read. */
export function podAccess({ host, port }: PodServer, folder = serviceAccount): Access {
  const token = readFileSync(`${folder}/token`, "utf8").trim();
  return withFingerprint({
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    headers: { authorization: `Bearer ${token}` },
    tls: tlsOf({ ca: readFileSync(`${folder}/ca.crt`) }),
  });
}

const plainCluster: ReadonlySet<string> = new Set(["server", "certificate-authority", "certificate-authority-data"]);
const plainUser: ReadonlySet<string> = new Set([
  "token",
  "client-certificate",
  "client-certificate-data",
  "client-key",
  "client-key-data",
]);

/**
 * Access by a kubeconfig file that names a server, its authority, and a token or a client certificate, as most do.
 * Undefined when it asks for more, or for less: such as a plugin for credentials. Throws when a file cannot be read.
 */
export function plainAccess(file: string): Access | undefined {
  const config = fieldsOf(parse(readFileSync(file, "utf8")));
  const context = named(config["contexts"], config["current-context"], "context");
  const cluster = named(config["clusters"], context?.["cluster"], "cluster");
  const user = named(config["users"], context?.["user"], "user");
  if (cluster === undefined || user === undefined) return undefined;
  if (!isPlain(cluster, plainCluster) || !isPlain(user, plainUser)) return undefined;
  const octets = (fields: Strings, name: string): Buffer | undefined => {
    const [path, data] = [fields[name], fields[`${name}-data`]];
    if (path) return readFileSync(resolve(dirname(file), path));
    return data ? Buffer.from(data, "base64") : undefined;
  };
  const { server } = cluster;
  const { token } = user;
  if (server === undefined) return undefined;
  return withFingerprint({
    server: server.replace(/\/+$/, ""),
    headers: token ? { authorization: `Bearer ${token}`.trim() } : {},
    tls: tlsOf({
      ca: octets(cluster, "certificate-authority"),
      cert: octets(user, "client-certificate"),
      key: octets(user, "client-key"),
    }),
  });
}

/** Every member stands there, known or not: a fingerprint counts them all. */
function tlsOf({ ca, cert, key }: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }) {
  return { ca, cert, key, passphrase: undefined, rejectUnauthorized: undefined, servername: undefined };
}

/** What stands under a name in a list of a kubeconfig. */
function named(list: unknown, name: unknown, member: string): Record<string, unknown> | undefined {
  const found = (Array.isArray(list) ? list : []).map(fieldsOf).find((entry) => entry["name"] === name);
  return found === undefined || typeof name !== "string" ? undefined : fieldsOf(found[member]);
}

type Strings = Readonly<Record<string, string>>;

function isPlain(fields: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): fields is Strings {
  return Object.entries(fields).every(([name, value]) => known.has(name) && typeof value === "string");
}
