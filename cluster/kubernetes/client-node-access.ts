import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import type { Access } from "./access.ts";
import { withFingerprint } from "./plain-access.ts";
import { KubernetesError } from "./trouble.ts";

/**
 * Access by what is not read plainly: several files, plugins, a `proxy-url` of http or https. Unlike kubectl it knows no proxy of
 * another scheme, and none that variables such as HTTPS_PROXY name. `anew` runs plugins again whatever is remembered of them.
 * It takes some 40 MB of memory, so it is loaded only where it is needed.
 */
export function clientNodeAccess(file: string | undefined): (anew: boolean) => Promise<Access> {
  let known: KubeConfig | undefined;
  return async (anew) => {
    const loaded = load(file);
    // A configuration that did not change keeps the token that its plugin was run for.
    const config = known && !anew && sameText(known, loaded) ? known : loaded;
    const access = await accessOf(config);
    known = config;
    return access;
  };
}

function load(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  return config;
}

function sameText(a: KubeConfig, b: KubeConfig): boolean {
  return a.exportConfig() === b.exportConfig();
}

async function accessOf(config: KubeConfig): Promise<Access> {
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new KubernetesError(
      "the kubeconfig has no current context with a cluster; set one with: kubectl config use-context",
    );
  const proxy = cluster.proxyUrl;
  if (proxy !== undefined) refuseUnknown(proxy);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, passphrase, rejectUnauthorized, servername } = options;
  const tls = { ca, cert, key, passphrase, rejectUnauthorized, servername };
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value).trim()]),
  );
  if (typeof options.auth === "string")
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  const server = cluster.server.replace(/\/+$/, "");
  return withFingerprint({ server, headers, tls, ...(proxy !== undefined && { proxy }) });
}

/** Names the scheme and the host at most: a user and a password may stand before them. */
function refuseUnknown(proxy: string): void {
  const url = URL.parse(proxy);
  if (url?.protocol === "http:" || url?.protocol === "https:") return;
  const named = url?.host ? ` ${url.protocol}//${url.host}` : "";
  throw new KubernetesError(`the kubeconfig's proxy-url${named} is no URL of http or https`);
}
