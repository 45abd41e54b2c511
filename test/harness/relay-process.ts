/** `posthouse relay` as a process of its own, on the contracts of a control plane of tests. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { chartAccount } from "./chart-account.ts";
import type { ControlPlane } from "./control-plane.ts";
import { type Daemon, daemon } from "./daemon.ts";
import { freePorts } from "./posthouse.ts";
import { dialogue, type Dialogue } from "./smtp-dialogue.ts";
import { keyOf, plainOf } from "./submission.ts";
import { until } from "./until.ts";

/** In ms: others may build and test on the same cores. */
const patience = 120_000;
const main = new URL("../../cli/main.ts", import.meta.url).pathname;

/** `posthouse relay --kubernetes` as a process of its own. */
export interface RelayProcess {
  readonly process: Daemon;
  /** Takes submissions with TLS from the first octet. */
  readonly port: number;
  readonly adminPort: number;
  readonly get: (path: string, token?: string) => Promise<{ status: number; body: string }>;
  readonly connect: () => Promise<Dialogue>;
  /** The reply to AUTH with an API key; one of `shop` when absent. */
  readonly login: (password?: string) => Promise<{ client: Dialogue; reply: string }>;
  /** The reply to the end of DATA, or to AUTH where that was refused. */
  readonly send: (password?: string, sender?: string) => Promise<string>;
}

/** The kubeconfig file of the relay's ServiceAccount in this namespace, which may do what the chart lets it. */
export function relayAccount(plane: ControlPlane, namespace: string): Promise<string> {
  return chartAccount(plane, { namespace, component: "relay" });
}

/** Starts one; `fleet` is what its fleet file says beside listeners and the admin port. It dies with the reaper's process. */
export async function startRelayProcess(
  plane: Pick<ControlPlane, "folder" | "reaper">,
  { namespace, kubeconfig }: { readonly namespace: string; readonly kubeconfig: string },
  fleet: object = {},
): Promise<RelayProcess> {
  const [smtp = 0, adminPort = 0] = await freePorts(2);
  const folder = join(plane.folder, `relay-${adminPort}`);
  const file = `${folder}.fleet.yaml`;
  const listeners = [{ name: "submissions", host: "127.0.0.1", port: smtp, tls: "Implicit" }];
  await writeFile(
    file,
    stringify({ hostname: "relay.example", listeners, admin: { host: "127.0.0.1", port: adminPort }, ...fleet }),
  );
  const reader = `${namespace}/posthouse-operator`;
  const given = ["--fleet", file, "--state", folder, "--kubeconfig", kubeconfig, "--namespace", namespace];
  const process = daemon("relay", {
    program: globalThis.process.execPath,
    args: [main, "relay", "--kubernetes", ...given, "--usage-reader", reader],
    reaper: plane.reaper,
  });
  await process.start();
  const get: RelayProcess["get"] = async (path, token) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { headers });
    return { status: response.status, body: await response.text() };
  };
  const connect = (): Promise<Dialogue> => dialogue({ port: smtp, implicitTls: true });
  const login: RelayProcess["login"] = async (password = keyOf("production00")) => {
    const client = await connect();
    await client.reply();
    await client.say("EHLO client.example");
    return { client, reply: await client.say(`AUTH PLAIN ${plainOf(password)}`) };
  };
  const send: RelayProcess["send"] = async (password, sender = "a@shop.example") => {
    const { client, reply } = await login(password);
    if (!reply.startsWith("235")) return reply;
    for (const line of [`MAIL FROM:<${sender}>`, "RCPT TO:<you@there.example>", "DATA"]) await client.say(line);
    const answer = await client.say(`From: ${sender}\r\n\r\nx\r\n.`);
    client.close();
    return answer;
  };
  return { process, port: smtp, adminPort, get, connect, login, send };
}

/** Waits until the admin port says so; its body. */
export function readyz(relay: RelayProcess, status: number): Promise<string> {
  return until(
    `readyz is ${status}:\n${relay.process.output()}`,
    async () => {
      relay.process.check();
      const answer = await relay.get("/readyz").catch(() => undefined);
      return answer?.status === status ? answer.body : undefined;
    },
    patience,
  );
}

/** A token of this ServiceAccount for an audience, the API server itself when absent. */
export async function tokenOf(
  plane: ControlPlane,
  namespace: string,
  name: string,
  audience?: string,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } };
  await plane.ask({ method: "POST", path, body: account });
  const spec = { expirationSeconds: 3600, ...(audience !== undefined && { audiences: [audience] }) };
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
  const { body } = await plane.ask({ method: "POST", path: `${path}/${name}/token`, body: request });
  return (body as { status: { token: string } }).status.token;
}

/** A pod that stands for the relay in lists. */
export async function runsAsPod(
  plane: ControlPlane,
  namespace: string,
  { adminPort }: Pick<RelayProcess, "adminPort">,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const labels = { "app.kubernetes.io/component": "relay" };
  const ports = [{ name: "admin", containerPort: adminPort }];
  const spec = { containers: [{ name: "relay", image: "posthouse", ports }] };
  await plane.ask({ method: "POST", path, body: { metadata: { name: "relay-0", labels }, spec } });
  const status = {
    phase: "Running",
    podIP: "127.0.0.1",
    podIPs: [{ ip: "127.0.0.1" }],
    conditions: [{ type: "Ready", status: "True" }],
  };
  const { code, body } = await plane.ask({
    method: "PATCH",
    path: `${path}/relay-0/status`,
    contentType: "application/merge-patch+json",
    body: { status },
  });
  if (code !== 200) throw new Error(JSON.stringify(body));
}
