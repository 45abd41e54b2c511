/**
 * A real Kubernetes control plane on loopback: etcd, kube-apiserver and kube-controller-manager on free ports and in a
 * folder of their own, with RBAC, ServiceAccount admission, garbage collection, namespace deletion and the controllers of
 * workloads. It has no node: pods stay Pending until something acts as their kubelet, and none is ever found to be gone.
 *
 * A test file has one of its own, by `with-control-plane.ts`: that takes a few seconds and 600 MB or more, and nothing that the file
 * does to the cluster, its CRDs and its roles reaches another. Inside a file each test takes a namespace of its own.
 * When the process that started it ends in any way, SIGKILL too, the servers die and the folder goes.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Answer, type ApiServerClient, type Asking, askApiServer } from "./api-server-client.ts";
import { type AuditEvent, auditReader } from "./audit-log.ts";
import { apiServerFlags, auditPolicy, controllerManagerFlags, etcdFlags, type Layout } from "./control-plane-flags.ts";
import { establishCrds, issueToken, makeNamespace } from "./control-plane-objects.ts";
import { type Authority, createAuthority, tokenKeys } from "./control-plane-pki.ts";
import { type Daemon, daemon } from "./daemon.ts";
import { writeKubeconfig } from "./kubeconfig-file.ts";
import { type Finished, freePorts } from "./posthouse.ts";
import { type Reaper, startReaper } from "./reaper.ts";
import { takeServiceRange } from "./service-range.ts";

export interface ControlPlaneOptions {
  /** Installs Posthouse's CRDs before the controllers start, so that the garbage collector knows them at once. */
  readonly crds?: boolean;
  /** More arguments of kube-apiserver. */
  readonly apiServer?: readonly string[];
  /** More arguments of kube-controller-manager. */
  readonly controllerManager?: readonly string[];
}

export interface ControlPlane {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** PEM of the authority that signed the API server's certificate. */
  readonly ca: string;
  /** The admin's kubeconfig file, of group system:masters. */
  readonly kubeconfig: string;
  /** A folder that goes when the control plane stops. */
  readonly folder: string;
  /** The folder of kubectl, helm and the servers. */
  readonly bin: string;
  /** The audit log's file; a line is there before its request is answered. */
  readonly auditLog: string;
  readonly etcd: Daemon;
  readonly apiServer: Daemon;
  readonly controllerManager: Daemon;
  /** Has further processes of a test die with it. */
  readonly reaper: Reaper;
  /** Signs certificates of clients. */
  readonly authority: Authority;
  /** Asks the API server, as the admin unless told otherwise. Resolves with any status code. */
  readonly ask: (asking: Asking) => Promise<Answer>;
  /** Runs a tool to its end with the admin's kubeconfig, or another. */
  readonly run: (
    tool: "kubectl" | "helm",
    args: readonly string[],
    input?: string,
    kubeconfig?: string,
  ) => Promise<Finished>;
  /** Makes a namespace with these labels, whose default ServiceAccount stands. Its name begins with `test-`. */
  readonly namespace: (labels?: Readonly<Record<string, string>>) => Promise<string>;
  /** A kubeconfig file with a token of an hour of this ServiceAccount, which is made if there is none. */
  readonly serviceAccountKubeconfig: (namespace: string, name: string) => Promise<string>;
  /** A kubeconfig file with a certificate of this user. */
  readonly userKubeconfig: (user: string, groups?: readonly string[]) => Promise<string>;
  /** Applies the committed CRDs and waits until they are established. */
  readonly installCrds: () => Promise<void>;
  /** What the audit log has: finished requests, in their order. */
  readonly auditEvents: () => Promise<AuditEvent[]>;
  /** Kills it all and removes its folder. */
  readonly stop: () => Promise<void>;
}

/** Finds or builds the programs. Throws where that cannot be: the script has said why. */
function findPrograms(): string {
  const script = new URL("../setup/controlplane.sh", import.meta.url).pathname;
  return execFileSync("bash", [script], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

let programs: string | undefined;

/** Starts a control plane and waits until its API server is ready. Throws with the output of what ended instead. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const bin = (programs ??= findPrograms());
  const reaper = await startReaper("control-plane");
  try {
    return await assemble(bin, reaper, options);
  } catch (error) {
    await reaper.end();
    throw error;
  }
}

async function assemble(bin: string, reaper: Reaper, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { folder } = reaper;
  const at = await layOut(folder);
  const authority = await createAuthority();
  const admin = await authority.client("admin", ["system:masters"]);
  await writeFiles(at, authority);
  const server = { url: at.url, ca: authority.ca };
  const kubeconfig = await writeKubeconfig(join(folder, "admin.kubeconfig"), server, admin);
  const client = askApiServer(at.url, authority.ca, admin);
  const { ask } = client;
  const servers = describeServers({ bin, reaper, at, ask, options });
  await servers.etcd.start();
  await servers.apiServer.start();
  if (options.crds === true) await establishCrds(ask);
  await servers.controllerManager.start();
  return {
    ...server,
    ...servers,
    kubeconfig,
    folder,
    bin,
    auditLog: join(folder, "audit.log"),
    reaper,
    authority,
    ask,
    run: (tool, args, input = "", as = kubeconfig) =>
      runTool(join(bin, tool), args, { input, reaper, env: toolEnvironment(folder, bin, as) }),
    namespace: (labels = {}) => makeNamespace(ask, labels, servers.controllerManager.check),
    serviceAccountKubeconfig: async (namespace, name) => {
      const token = await issueToken(ask, namespace, name);
      return writeKubeconfig(join(folder, `${namespace}-${name}.kubeconfig`), server, { token });
    },
    userKubeconfig: async (user, groups = []) =>
      writeKubeconfig(
        join(folder, `user-${randomBytes(4).toString("hex")}.kubeconfig`),
        server,
        await authority.client(user, groups),
      ),
    installCrds: () => establishCrds(ask),
    auditEvents: auditReader(join(folder, "audit.log")),
    async stop() {
      client.close();
      await Promise.all(Object.values(servers).map((each) => each.kill()));
      await reaper.end();
      at.services.release();
    },
  };
}

async function layOut(folder: string): Promise<Layout> {
  const [port = 0, etcdPort = 0, peerPort = 0] = await freePorts(3);
  const url = `https://127.0.0.1:${port}`;
  const services = await takeServiceRange();
  return {
    folder,
    port,
    url,
    etcdUrl: `http://127.0.0.1:${etcdPort}`,
    peerUrl: `http://127.0.0.1:${peerPort}`,
    services,
  };
}

/** What the servers read, and a home for the tools. */
async function writeFiles(at: Layout, authority: Authority): Promise<void> {
  const names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
  const server = await authority.server(["localhost", ...names, "127.0.0.1", at.services.first]);
  const tokens = tokenKeys();
  const files: Readonly<Record<string, string>> = {
    "ca.crt": authority.ca,
    "server.crt": server.cert,
    "server.key": server.key,
    "token.key": tokens.privateKey,
    "token.pub": tokens.publicKey,
    "audit-policy.yaml": stringify(auditPolicy),
  };
  const write = ([name, text]: [string, string]): Promise<void> =>
    writeFile(join(at.folder, name), text, { mode: 0o600 });
  await Promise.all(Object.entries(files).map(write));
  await mkdir(join(at.folder, "home"));
  const controllers = await authority.client("system:kube-controller-manager", ["system:masters"]);
  const file = join(at.folder, "controller-manager.kubeconfig");
  await writeKubeconfig(file, { url: at.url, ca: authority.ca }, controllers);
}

interface Parts {
  readonly bin: string;
  readonly reaper: Reaper;
  readonly at: Layout;
  readonly ask: ApiServerClient["ask"];
  readonly options: ControlPlaneOptions;
}

function describeServers({ bin, reaper, at, ask, options }: Parts) {
  return {
    etcd: daemon("etcd", {
      program: join(bin, "etcd"),
      args: etcdFlags(at),
      reaper,
      ready: async () => (await fetch(`${at.etcdUrl}/health`)).ok,
    }),
    apiServer: daemon("kube-apiserver", {
      program: join(bin, "kube-apiserver"),
      args: [...apiServerFlags(at), ...(options.apiServer ?? [])],
      reaper,
      ready: async () => (await ask({ path: "/readyz" })).code === 200,
    }),
    controllerManager: daemon("kube-controller-manager", {
      program: join(bin, "kube-controller-manager"),
      args: [...controllerManagerFlags(at), ...(options.controllerManager ?? [])],
      reaper,
    }),
  };
}

/** Nothing of the caller's: neither a cluster that it talks to nor repositories and plugins that it has. */
function toolEnvironment(folder: string, bin: string, kubeconfig: string): NodeJS.ProcessEnv {
  const home = join(folder, "home");
  return { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: home, KUBECONFIG: kubeconfig, TMPDIR: folder };
}

async function runTool(
  program: string,
  args: readonly string[],
  options: { readonly input: string; readonly reaper: Reaper; readonly env: NodeJS.ProcessEnv },
): Promise<Finished> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: options.env });
  options.reaper.watch(child);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}
