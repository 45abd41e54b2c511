import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { labels } from "../../contract/names.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { type ContractSecret, contractSecrets } from "../harness/api-server-contracts.ts";
import { missing, moreArrives } from "../harness/arrivals.ts";
import { type Authority, createAuthority } from "../harness/control-plane-pki.ts";
import { makeTestKeys } from "../harness/dkim-keys.ts";
import { type Receivers, startReceivers } from "../harness/kubernetes-world.ts";
import { startReaper } from "../harness/reaper.ts";
import { readyz, type RelayProcess, startRelayProcess } from "../harness/relay-process.ts";
import { type SteadyLoad, startSteadyLoad } from "../harness/steady-load.ts";
import { startStubApiServer, type StubApiServer } from "../harness/stub-api-server.ts";
import { status, type StubAnswer } from "../harness/stub-faults.ts";
import { domains, keyOf, shop } from "../harness/submission.ts";
import { until } from "../harness/until.ts";

/** In ms: others may build and test on the same cores. */
const patience = 120_000;
const namespace = "posthouse-system";

interface Scene {
  readonly stub: StubApiServer;
  readonly authority: Authority;
  /** The token that the API server takes, and what the relay's file says. */
  readonly token: { valid: string; readonly inFile: (token: string) => void };
  readonly authorityInFile: (ca: string) => void;
}

/** What the API server does for a while. `ends` sets it right again. */
interface Fault {
  readonly what: string;
  readonly begins: (scene: Scene) => Promise<void> | void;
  readonly ends?: (scene: Scene) => Promise<void> | void;
}

const always =
  (answer: StubAnswer) =>
  ({ stub }: Scene): void => {
    stub.fault = () => answer;
    stub.cut("Reset");
  };

const faults: readonly Fault[] = [
  { what: "asks for patience", begins: always(status(429, "TooManyRequests", { "retry-after": "1" })) },
  { what: "has an internal error", begins: always(status(500, "InternalError")) },
  {
    what: "has forgotten what was, and lists slowly",
    begins({ stub }) {
      stub.compact();
      stub.fault = async ({ verb }) => {
        if (verb === "list") await sleep(3000);
      };
      stub.cut("Reset");
    },
  },
  {
    what: "takes the token no more",
    begins({ stub, token }) {
      token.valid = "second";
      stub.cut("Reset");
    },
    ends: ({ token }) => token.inFile("second"),
  },
  {
    what: "has a certificate of another authority",
    async begins({ stub, authority }) {
      stub.present(await authority.server(["127.0.0.1"]));
    },
    ends: ({ authority, authorityInFile }) => authorityInFile(authority.ca),
  },
];

test(
  "a relay delivers, asks seldom and hears of what changed, whatever the API server answers",
  { timeout: 300_000 },
  async () => {
    const scene = await begin();
    const { stub } = scene;
    const receivers = await startReceivers();
    onTestFinished(() => receivers.close());
    const relay = await startRelay(stub, receivers);
    const load = startLoad(relay);
    for (const [index, fault] of faults.entries()) {
      const before = stub.requests.length;
      await fault.begins(scene);
      put(stub, contract(index + 1));
      for (let look = 0; look < 3; look++) await Promise.all([moreArrives(load, receivers.sink), sleep(1000)]);
      expect((await relay.get("/readyz")).status).toBe(200);
      stub.fault = refusesTokens(scene);
      await fault.ends?.(scene);
      await hearsOf(relay, index + 1);
      expect([...load.wrong, ...load.endings.keys()]).toEqual([]);
      expect({ what: fault.what, isSeldom: stub.requests.length - before < 20 }).toMatchObject({ isSeldom: true });
    }
    await load.stop();
    await receivers.sink.waitFor(() => missing(load, receivers.sink).length === 0, patience);
  },
);

const refusesTokens =
  ({ token }: Pick<Scene, "token">): StubApiServer["fault"] =>
  ({ headers }) =>
    headers.authorization === `Bearer ${token.valid}` ? undefined : status(401, "Unauthorized");

async function begin(): Promise<Scene> {
  const [first, authority] = [await createAuthority(), await createAuthority()];
  const stub = await startStubApiServer(await first.server(["127.0.0.1"]));
  onTestFinished(() => stub.close());
  const files = { token: join(stub.folder, "token"), ca: join(stub.folder, "ca.crt") };
  const token = { valid: "first", inFile: (text: string) => writeFileSync(files.token, text) };
  const authorityInFile = (ca: string): void => writeFileSync(files.ca, ca);
  token.inFile("first");
  authorityInFile(first.ca);
  stub.fault = refusesTokens({ token });
  putSigningDomain(stub);
  put(stub, contract(0));
  const user = { "auth-provider": { name: "tokenFile", config: { tokenFile: files.token } } };
  stub.kubeconfig(user, { "certificate-authority": files.ca });
  return { stub, authority, token, authorityInFile };
}

/** A Secret of the contract namespace; its data in plain text. */
function putSecret(stub: StubApiServer, { name, data, labels: ours }: ContractSecret): void {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
  stub.put(`/api/v1/namespaces/${namespace}/secrets/${name}`, { metadata: { labels: ours }, data: encoded });
}

function put(stub: StubApiServer, tenant: TenantContract): void {
  for (const secret of contractSecrets({ tenants: [tenant] })) putSecret(stub, secret);
}

function putSigningDomain(stub: StubApiServer): void {
  const { keys, privateKeys } = makeTestKeys("shop.example");
  for (const [index, { secretName, algorithm, selector }] of keys.entries()) {
    const privateKey = String(privateKeys[index]?.export({ type: "pkcs8", format: "pem" }));
    const data = { algorithm, domain: "shop.example", selector, privateKey };
    putSecret(stub, { name: secretName, labels: { [labels.key]: "dkim" }, data });
  }
  const held = domains.find(({ domain }) => domain === "shop.example");
  if (held === undefined) throw new Error("nobody holds shop.example");
  const signing = { ...held, keys: [...keys] };
  for (const secret of contractSecrets({ domains: [signing] })) putSecret(stub, secret);
}

const keyId = (index: number): string => `late${String(index).padStart(8, "0")}`;

/** The tenant, with a key of its own for each change: the one of the change before is revoked. */
function contract(index: number): TenantContract {
  const [production, ...others] = shop.environments;
  if (production === undefined) throw new Error("the tenant has no environment");
  const [credential] = production.credentials;
  if (credential === undefined) throw new Error("the environment has no credential");
  const changing = { ...production, name: "changing", credentials: [{ ...credential, id: keyId(index) }] };
  const allowance = { ...shop.allowance, credits: { type: "Unlimited" as const } };
  return { ...shop, allowance, environments: [production, changing, ...others] };
}

async function startRelay(stub: StubApiServer, { fleet }: Receivers): Promise<RelayProcess> {
  const reaper = await startReaper("relay-on-stub");
  onTestFinished(() => reaper.end());
  const kubeconfig = join(stub.folder, "kubeconfig");
  const relay = await startRelayProcess({ folder: reaper.folder, reaper }, { namespace, kubeconfig }, fleet);
  onTestFinished(() => relay.process.kill());
  await readyz(relay, 200);
  return relay;
}

function startLoad(relay: RelayProcess): SteadyLoad {
  const load = startSteadyLoad({
    host: "127.0.0.1",
    port: relay.port,
    password: keyOf("production00"),
    sender: "orders@shop.example",
    recipient: "anna@friend.example",
    clients: 2,
    longestPause: 200,
  });
  onTestFinished(() => load.stop());
  return load;
}

/** The relay lets the new key in, and the one before no more. */
async function hearsOf(relay: RelayProcess, index: number): Promise<void> {
  const reply = async (id: string): Promise<string> => {
    const { client, reply: text } = await relay.login(keyOf(id));
    client.close();
    return text;
  };
  const isHeard = async (): Promise<true | undefined> =>
    ((await reply(keyId(index))).startsWith("235") && (await reply(keyId(index - 1))).startsWith("535")) || undefined;
  await until("the relay hears of the change", isHeard, patience);
}
