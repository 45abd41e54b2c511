import { hash } from "node:crypto";
import type { RequestOptions } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { KubeConfig } from "@kubernetes/client-node";
import type { Clock } from "../../runtime/clock.ts";

/** Where the API server is, and with what to go there. */
export interface Access {
  /** URL of the server, without a slash at the end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Pick<ConnectionOptions, "ca" | "cert" | "key" | "passphrase" | "rejectUnauthorized" | "servername">;
  readonly proxy?: string;
  /** Another one where connections made with the one before must not be used. */
  readonly fingerprint: string;
}

/** The credentials of one user at one API server, as they are now. */
export interface Credentials {
  /** What to use; read again when it is a minute old. Rejects if it was never readable. */
  readonly current: () => Promise<Access>;
  /** Reads everything anew, whatever is remembered of it. True if that gave other credentials. */
  readonly renew: () => Promise<boolean>;
}

/** Tokens in files are replaced by the kubelet well before they expire; so often they are looked at. */
const rereadAfter = 60_000;

/** Files that cannot be read for now, in the middle of a rotation for example, leave what was read before. */
export function openCredentials(file: string | undefined, clock: Clock): Credentials {
  let known: { readonly config: KubeConfig; readonly access: Access; readonly readAt: number } | undefined;
  let reading: Promise<Access> | undefined;

  const read = async (anew: boolean): Promise<Access> => {
    try {
      const loaded = load(file);
      // A configuration that did not change keeps the token that its plugin was run for.
      const config = known && !anew && sameText(known.config, loaded) ? known.config : loaded;
      known = { config, access: await accessOf(config), readAt: clock.now() };
    } catch (error) {
      if (known === undefined) throw error;
      known = { ...known, readAt: clock.now() };
    }
    return known.access;
  };
  const readOnce = (anew: boolean): Promise<Access> => {
    reading ??= read(anew).finally(() => (reading = undefined));
    return reading;
  };
  return {
    async current() {
      const age = known === undefined ? Infinity : clock.now() - known.readAt;
      return known !== undefined && age >= 0 && age < rereadAfter ? known.access : readOnce(false);
    },
    async renew() {
      const before = known?.access;
      const after = await readOnce(true);
      return (
        JSON.stringify(before?.headers) !== JSON.stringify(after.headers) || before?.fingerprint !== after.fingerprint
      );
    },
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
    throw new Error("the kubeconfig has no current context with a cluster; set one with: kubectl config use-context");
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
  const proxy = cluster.proxyUrl;
  return {
    server,
    headers,
    tls,
    ...(proxy !== undefined && { proxy }),
    fingerprint: hash("sha256", JSON.stringify([server, proxy, ...Object.values(tls).map(String)])),
  };
}
