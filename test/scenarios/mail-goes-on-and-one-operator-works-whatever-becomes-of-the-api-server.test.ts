import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { type ApiProxy, startApiProxy } from "../harness/api-proxy.ts";
import { missing, moreArrives } from "../harness/arrivals.ts";
import { busiestMinute, termsOf } from "../harness/audit-terms.ts";
import { grantAsChart } from "../harness/chart-account.ts";
import { compactEtcd } from "../harness/compact-etcd.ts";
import { becomes, has, keysOf, make } from "../harness/custom-resources.ts";
import { keepOperators, type KeptOperators } from "../harness/kept-operators.ts";
import { writeKubeconfig } from "../harness/kubeconfig-file.ts";
import { type KubernetesWorld, startKubernetesWorld } from "../harness/kubernetes-world.ts";
import { operatorRelease, startOperatorProcess } from "../harness/operator-process.ts";
import { readyz, type RelayProcess, startRelayProcess } from "../harness/relay-process.ts";
import { passwordOf } from "../harness/release.ts";
import { type SteadyLoad, startSteadyLoad } from "../harness/steady-load.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const plane = withControlPlane({ crds: true });
/** In ms: others may build and test on the same cores. */
const patience = 180_000;
const outage = 60_000;

/** To the API server. */
interface Ways {
  /** By place. */
  readonly operators: readonly ApiProxy[];
  readonly relay: ApiProxy;
}

interface Scene {
  readonly world: KubernetesWorld;
  /** Of the release. */
  readonly namespace: string;
  readonly team: string;
  readonly ways: Ways;
  readonly operators: KeptOperators;
  readonly relay: RelayProcess;
}

/** What users do, whatever is wrong. */
interface Users {
  /** They change custom resources. */
  readonly edit: () => Promise<void>;
  /** They send, and it arrives. */
  readonly deliver: () => Promise<void>;
  /** They see that the operator has done what they asked for, and that the relay has heard of it. */
  readonly see: () => Promise<void>;
}

interface Fault {
  readonly what: string;
  readonly happens: (scene: Scene, users: Users) => Promise<void>;
  /** Fewer than so many that it costs all operators and the relay, until users see what they asked for. */
  readonly connections: Readonly<Record<keyof Ways, number>>;
}

const faults: readonly Fault[] = [
  {
    what: "connections are reset in mid-watch",
    async happens({ ways }, { edit }) {
      for (const way of all(ways)) way.reset();
      await edit();
    },
    connections: { operators: 50, relay: 4 },
  },
  {
    what: "the server's half of each connection is closed",
    async happens({ ways }, { edit }) {
      for (const way of all(ways)) way.halfClose();
      await edit();
    },
    connections: { operators: 50, relay: 4 },
  },
  {
    what: "what the leader and the relay send and get is lost, until another leads",
    async happens({ ways, operators }, { edit, deliver }) {
      const leader = await leaderOf(operators);
      const lost = [ways.operators[leader], ways.relay].filter((way) => way !== undefined);
      for (const way of lost) {
        way.isSilent = true;
        way.stall();
      }
      await edit();
      await leaderOf(operators, leader);
      await deliver();
      for (const way of lost) {
        way.isSilent = false;
        way.reset();
      }
    },
    connections: { operators: 80, relay: 8 },
  },
  {
    what: "the API server is gone for a minute, and its history when it is back",
    async happens({ ways }, { edit, deliver }) {
      for (const way of all(ways)) {
        way.refuses = true;
        way.reset();
      }
      await edit();
      await plane().apiServer.kill();
      const isOver = sleep(outage);
      await compactEtcd(plane());
      for (const way of all(ways)) way.refuses = false;
      for (let look = 0; look < 4; look++) await Promise.all([deliver(), sleep(outage / 5)]);
      await isOver;
      await plane().apiServer.start();
    },
    connections: { operators: 300, relay: 16 },
  },
];

test(
  "mail goes on, one operator works and nobody asks in a loop while the API server is reset, deaf and gone",
  { timeout: 4 * patience, retry: 0 },
  async () => {
    const scene = await begin();
    const { operators, world, namespace } = scene;
    const load = await startLoad(scene);
    const deliver = async (): Promise<void> => {
      await moreArrives(load, world.sink);
      expect((await scene.relay.get("/readyz")).status).toBe(200);
    };
    await deliver();
    for (const [index, fault] of faults.entries()) {
      await goesOn(scene, fault, {
        edit: () => change(scene.team, index + 1),
        deliver,
        see: () => isDone(scene, index + 1),
      });
      expect([...load.wrong, ...load.endings.keys()]).toEqual([]);
      expect(operators.ended.filter(({ code }) => code !== 1)).toEqual([]);
      expect(operators.mostLeaders()).toBe(1);
    }
    await load.stop();
    await world.sink.waitFor(() => missing(load, world.sink).length === 0, patience);

    const events = await plane().auditEvents();
    const { holders, strays } = termsOf(events, userOf(namespace, "operator"));
    expect(strays).toEqual([]);
    // Who was cut off and who led when the API server went have ended; one more may have on a busy machine.
    expect(holders.length).toBeGreaterThan(2);
    expect(operators.ended.length).toBeLessThan(4);
    const keys = (await keysOf(plane(), namespace)).map((key) => key.split(" ").slice(0, 2).join(" "));
    const claimed = ["shop", ...Array.from({ length: faults.length + 1 }, (_, index) => `late-${index}`)];
    expect(keys).toEqual(claimed.flatMap((name) => [`${name}.example Ed25519`, `${name}.example RSA2048`]).toSorted());
    // Two electors that ask every two seconds, all lists of four processes, and what there is to write.
    expect(busiestMinute(events, userOf(namespace, "operator"))).toBeLessThan(350);
    expect(busiestMinute(events, userOf(namespace, "relay"))).toBeLessThan(12);
  },
);

/** Something goes wrong; mail is delivered meanwhile and after it, and what users ask for meanwhile is done. */
async function goesOn(scene: Scene, { what, happens, connections }: Fault, users: Users): Promise<void> {
  const before = connectionsOf(scene.ways);
  await Promise.all([happens(scene, users), users.deliver()]);
  await users.see();
  await users.deliver();
  const after = connectionsOf(scene.ways);
  expect(after.operators - before.operators, `${what}: connections of operators`).toBeLessThan(connections.operators);
  expect(after.relay - before.relay, `${what}: connections of the relay`).toBeLessThan(connections.relay);
}

const all = (ways: Ways): readonly ApiProxy[] => [...ways.operators, ways.relay];

function connectionsOf({ operators, relay }: Ways): Readonly<Record<keyof Ways, number>> {
  return {
    operators: operators.reduce((sum, { connections }) => sum + connections, 0),
    relay: relay.connections,
  };
}

/** The place of the operator that leads, when it is not in this one. */
function leaderOf(operators: KeptOperators, notIn?: number): Promise<number> {
  const look = async (): Promise<number | undefined> => {
    const leader = await operators.leader();
    return leader === notIn ? undefined : leader;
  };
  return until("an operator leads", look, patience).catch((error: unknown) => {
    throw new Error(`${String(error)}:\n${operators.output()}`);
  });
}

const userOf = (namespace: string, part: "operator" | "relay"): string =>
  `system:serviceaccount:${namespace}:posthouse-${part}`;

/** A kubeconfig of a ServiceAccount on a way to the API server; the audit log knows its holder by `name`. */
async function kubeconfigOf(user: string, name: string, way?: ApiProxy): Promise<string> {
  const { authority, ca, folder } = plane();
  const server = { url: `https://127.0.0.1:${way?.port}`, ca };
  return writeKubeconfig(join(folder, `${name}.kubeconfig`), server, await authority.client(user, [name]));
}

/** Two operators and a relay, each on its way to the API server, and a domain that may send. */
async function begin(): Promise<Scene> {
  const { namespace } = await operatorRelease(plane());
  await grantAsChart(plane(), { namespace, component: "relay" });
  const team = await plane().namespace();
  const world = await startKubernetesWorld(plane());
  onTestFinished(() => world.close());
  const ways = { operators: [await startWay(), await startWay()], relay: await startWay() };
  // Nobody publishes what the other domains need: they are asked for rarely.
  const dns = { ...world.fleet.dns, missingInterval: "1s", missingIntervalMax: "1h" };
  const fleet = { hostname: "relay.example", ...world.fleet, dns };
  const operators = keepOperators(ways.operators.length, async (name, place) => {
    const kubeconfig = await kubeconfigOf(userOf(namespace, "operator"), name, ways.operators[place]);
    return startOperatorProcess(plane(), { namespace, kubeconfig }, fleet);
  });
  onTestFinished(() => operators.stop());
  await make(plane(), `relaytenants/${team}/shop`, tenantOf("shop", "Deliver"));
  await make(plane(), `sendingdomains/${team}/shop`, { domain: "shop.example", tenantRef: { name: "shop" } });
  await makeLate(team, 0);
  await becomes(plane(), `sendingdomains/${team}/shop`, has("Ready", "True/Reconciled"), operators.output);
  await world.publishRecords(team, "shop");
  await becomes(plane(), `sendingdomains/${team}/shop`, has("DKIMVerified", "True/RecordValid"), operators.output);
  const kubeconfig = await kubeconfigOf(userOf(namespace, "relay"), "relay", ways.relay);
  const relay = await startRelayProcess(plane(), { namespace, kubeconfig }, fleet);
  onTestFinished(() => relay.process.kill());
  await readyz(relay, 200);
  return { world, namespace, team, ways, operators, relay };
}

async function startWay(): Promise<ApiProxy> {
  const way = await startApiProxy(Number(new URL(plane().url).port));
  onTestFinished(() => way.close());
  return way;
}

function tenantOf(name: string, mode: "Deliver" | "Capture" | "Disabled"): object {
  return {
    allowance: { plan: "Scale", credits: { type: "Unlimited" } },
    environments: [{ name: "production", mode, credentials: [{ name: "web", secretName: `${name}-web` }] }],
  };
}

/** Begins to send when the relay takes mail of the domain. */
async function startLoad({ team, relay }: Scene): Promise<SteadyLoad> {
  const sender = "orders@shop.example";
  const password = await passwordOf(plane(), team, "shop-web");
  await until(
    "the relay takes mail",
    async () => (await replies(relay, password, sender)).mail.startsWith("250") || undefined,
    patience,
  );
  const load = startSteadyLoad({
    host: "127.0.0.1",
    port: relay.port,
    password,
    sender,
    recipient: "anna@friend.example",
    clients: 2,
    longestPause: 1600,
  });
  onTestFinished(() => load.stop());
  return load;
}

/** What the relay answers to AUTH with an API key, and to MAIL after it. */
async function replies(
  relay: RelayProcess,
  password: string,
  sender = "",
): Promise<{ readonly auth: string; readonly mail: string }> {
  const { client, reply } = await relay.login(password);
  const mail = reply.startsWith("235") ? await client.say(`MAIL FROM:<${sender}>`) : "";
  client.close();
  return { auth: reply, mail };
}

/** A tenant with a domain comes. */
async function makeLate(team: string, index: number): Promise<void> {
  const name = `late-${index}`;
  await make(plane(), `relaytenants/${team}/${name}`, tenantOf(name, "Capture"));
  await make(plane(), `sendingdomains/${team}/${name}`, { domain: `${name}.example`, tenantRef: { name } });
}

/** A tenant with a domain comes, and the one that came before may not send any more. */
async function change(team: string, index: number): Promise<void> {
  await makeLate(team, index);
  const before = `late-${index - 1}`;
  const { code, body } = await plane().ask({
    method: "PATCH",
    path: `/apis/posthouse.dev/v1alpha1/namespaces/${team}/relaytenants/${before}`,
    contentType: "application/merge-patch+json",
    body: { spec: tenantOf(before, "Disabled") },
  });
  if (code !== 200) throw new Error(JSON.stringify(body));
}

/** The operator has done what {@link change} asked for, and the relay has heard of it. */
async function isDone({ team, operators, relay }: Scene, index: number): Promise<void> {
  const isReady = has("Ready", "True/Reconciled");
  await becomes(plane(), `sendingdomains/${team}/late-${index}`, isReady, operators.output);
  await becomes(plane(), `relaytenants/${team}/late-${index}`, isReady, operators.output);
  const password = await passwordOf(plane(), team, `late-${index}-web`);
  await until(
    "the relay lets the new tenant in",
    async () => (await replies(relay, password)).auth.startsWith("235") || notYet(),
    patience,
  );
  const old = await passwordOf(plane(), team, `late-${index - 1}-web`);
  await until(
    "the relay refuses the old tenant",
    async () => (await replies(relay, old)).mail.startsWith("550 5.7.1 Sending is disabled") || notYet(),
    patience,
  );
}

/** Each look at a relay takes a handshake. */
function notYet(): Promise<undefined> {
  return sleep(500, undefined);
}
