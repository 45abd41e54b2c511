import { hash } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chartFolder } from "../harness/chart.ts";
import { writingEnds } from "../harness/custom-resources.ts";
import { sectionOfGuide } from "../harness/guide-manifests.ts";
import { canRunKubelet } from "../harness/kubelet/kubelet.ts";
import { withKubelet } from "../harness/kubelet/with-kubelet.ts";
import { type KubernetesWorld, startKubernetesWorld } from "../harness/kubernetes-world.ts";
import { readmeCommands } from "../harness/readme-commands.ts";
import { type RedisServer, startRedis } from "../harness/redis.ts";
import { loggedIn, passwordOf, serviceAddress } from "../harness/release.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 300_000;
const release = "posthouse-system";
const installCommands = readmeCommands("What a real fleet sets", "docs/guides/install.md");

interface Kept {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly data?: Readonly<Record<string, string>>;
}

describe.skipIf(!canRunKubelet)("a release of the chart", () => {
  const controlPlane = withControlPlane();
  const kubelet = withKubelet(controlPlane);
  let world: KubernetesWorld;
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ config: { requirepass: "hunter2" } });
    world = await startKubernetesWorld(controlPlane());
  }, patience);
  afterAll(async () => {
    await world.close();
    await redis.close();
  });

  const items = async (path: string): Promise<readonly Kept[]> => {
    const { body } = await controlPlane().ask({ path });
    return (body as { items: readonly Kept[] }).items;
  };
  /** The values of this test as arguments of Helm; the relay stops at once, for there is nobody to wait for. */
  const values = (...set: readonly string[]): string => {
    const fleet = ["limits.drainDelay=0s", "delivery.retry.delays={500ms}", "delivery.unreachableFor=1s", ...set];
    return [...world.values, ...fleet.map((value) => `--set fleet.${value}`)].join(" ");
  };
  const helm = (command: string, chart = "charts/posthouse", ...set: readonly string[]): Promise<string> =>
    world.shell(`helm ${command} posthouse ${chart} --namespace ${release} --wait --timeout 5m ${values(...set)}`);
  /** Everything that Posthouse wrote and what it wrote it for, as it must be found again. */
  const posthousesOwn = async (): Promise<readonly string[]> => {
    const label = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dposthouse";
    const lists = await Promise.all(
      [
        `/api/v1/secrets?${label}`,
        `/api/v1/configmaps?${label}`,
        "/apis/posthouse.dev/v1alpha1/relaytenants",
        "/apis/posthouse.dev/v1alpha1/sendingdomains",
        "/api/v1/persistentvolumeclaims",
      ].map((path) => items(path)),
    );
    return lists
      .flat()
      .map(
        ({ metadata: { namespace, name, uid }, data }) =>
          `${namespace}/${name} ${uid} ${hash("sha256", JSON.stringify(data ?? {}))}`,
      )
      .toSorted();
  };
  const pods = (): Promise<readonly Kept[]> => items(`/api/v1/namespaces/${release}/pods`);
  const relayPod = async (): Promise<string | undefined> =>
    (await pods()).find(({ metadata }) => metadata.name === "posthouse-relay-0")?.metadata.uid;
  const login = async (password: string) => loggedIn(await serviceAddress(controlPlane(), release), password);
  const greetedSize = async (password: string): Promise<string | undefined> => {
    const { client, extensions } = await login(password);
    client.close();
    return /SIZE (\d+)/.exec(extensions)?.[1];
  };
  /** Waits until the API server takes, or refuses, a field that only the next chart's CRD has. */
  const knowsField = (known: boolean): Promise<true> =>
    until(
      `the API server ${known ? "serves" : "has forgotten"} the new field`,
      async () => {
        const { code } = await controlPlane().ask({
          method: "PATCH",
          path: "/apis/posthouse.dev/v1alpha1/namespaces/team-shop/sendingdomains/shop-example?dryRun=All&fieldValidation=Strict",
          body: { spec: { remark: "ours" } },
          contentType: "application/merge-patch+json",
        });
        return code === (known ? 200 : 422) ? true : undefined;
      },
      patience,
    );

  test(
    "is upgraded with a CRD, rolled back, uninstalled and installed again, moved to Redis and back: keys, credentials and mail stay",
    { timeout: 2 * patience },
    async () => {
      await world.shell(`kubectl create namespace ${release} && kubectl create namespace team-shop`);
      await helm("install");
      await world.shell("kubectl apply --filename docs/examples/quickstart");
      await world.shell(
        "kubectl wait --namespace team-shop --for=condition=Ready relaytenant/shop sendingdomain/shop-example --timeout=5m",
      );
      await world.publishRecords("team-shop", "shop-example");
      await world.shell(
        `kubectl wait --namespace team-shop sendingdomain/shop-example --timeout=5m --for=jsonpath='{.status.dkim.keys[1].state}'=Active`,
      );
      const password = await passwordOf(controlPlane(), "team-shop", "shop-production-web");

      // The receiver hangs up on everybody: the message waits in the volume.
      world.sink.behave(({ stage }) => (stage === "CONNECT" ? { drop: true } : undefined));
      const { client } = await login(password);
      for (const line of ["MAIL FROM:<orders@shop.example>", "RCPT TO:<anna@friend.example>"])
        expect(await client.say(line)).toMatch(/^250/);
      expect(await client.say("DATA")).toMatch(/^354/);
      expect(await client.say("From: orders@shop.example\r\nMessage-ID: <waits@shop.example>\r\n\r\nx\r\n.")).toMatch(
        /^250/,
      );
      client.close();
      await world.sink.waitFor(({ connections }) => connections > 0, patience);
      await writingEnds(controlPlane(), release, "posthouse-operator");
      const before = await posthousesOwn();
      const firstPod = await relayPod();

      await knowsField(false);
      const next = await nextChart(controlPlane().folder);
      await helm("upgrade", next, "limits.messageBytes=1048576");
      await knowsField(true);
      expect(await relayPod()).not.toBe(firstPod);
      expect(await greetedSize(password)).toBe("1048576");

      // What cannot start is taken back by Helm alone.
      const upgraded = await relayPod();
      await world.shell(
        `helm upgrade posthouse ${next} --namespace ${release} --reuse-values --set tls.secretName=missing`,
      );
      await until(
        "the relay is replaced",
        async () => ([undefined, upgraded].includes(await relayPod()) ? undefined : true),
        patience,
      );
      await world.shell(`helm rollback posthouse 1 --namespace ${release} --wait --timeout 5m`);
      await knowsField(false);
      expect(await greetedSize(password)).toBe("31457280");
      expect(await posthousesOwn()).toEqual(before);

      await refusesToLeaveSomethingBehind();
      expect(await posthousesOwn()).toEqual(before);

      const said = await world.shell(`helm uninstall posthouse --namespace ${release} --wait --timeout 5m`);
      expect(said).toMatch(/kept.*resource policy/is);
      await until("all pods are gone", async () => ((await pods()).length === 0 ? true : undefined), patience);
      expect(await leftOfHelm()).toEqual([
        "customresourcedefinition.apiextensions.k8s.io/relaytenants.posthouse.dev",
        "customresourcedefinition.apiextensions.k8s.io/sendingdomains.posthouse.dev",
      ]);
      expect(await posthousesOwn()).toEqual(before);
      await guideNamesWhatStays();
      expect(world.sink.received).toEqual([]);

      await helm("install");
      await login(password).then((again) => again.client.close());
      expect(await posthousesOwn()).toEqual(before);

      await movesToRedisAndBack();
      world.sink.behave(undefined);
      await world.sink.waitFor(({ received }) => received.length > 0, patience);
      const [message] = world.sink.received;
      expect(message?.content.toString()).toContain("<waits@shop.example>");
      const passed = message?.verdict?.dkim.filter(({ result, aligned }) => result === "pass" && aligned) ?? [];
      expect(passed.map(({ algorithm }) => algorithm).toSorted()).toEqual(["ed25519-sha256", "rsa-sha256"]);
      // Made once: nothing was thrown away and made again meanwhile.
      const told = await kubelet().logs();
      expect(told.match(/"reason":"(KeyAllotted|CredentialIssued)"/g)).toHaveLength(5);
    },
  );

  /** Mail on the volume and keys in their namespace have nobody who looks after them when values name other places. */
  async function refusesToLeaveSomethingBehind(): Promise<void> {
    const upgrade = `helm upgrade posthouse charts/posthouse --namespace ${release} --reuse-values --dry-run=server --set`;
    for (const other of ["redis.secretName=redis", "fullnameOverride=mail"])
      await expect(world.shell(`${upgrade} ${other}`)).rejects.toThrow(
        "on the volume of the StatefulSet posthouse-relay",
      );
    await expect(world.shell(`${upgrade} contractNamespace=team-shop`)).rejects.toThrow(
      `contractNamespace would change from ${release} to team-shop`,
    );
    await world.shell(`${upgrade} fullnameOverride=posthouse`);
  }

  /** As the guide says. The mail that waits goes along, and nobody may forget it. */
  async function movesToRedisAndBack(): Promise<void> {
    const kubectl = `kubectl --namespace ${release}`;
    const onRedis = "--set redis.secretName=posthouse-redis --set redis.passwordKey=password";
    const forth = sectionOfGuide("upgrade", "From the volume to Redis");
    const back = sectionOfGuide("upgrade", "From Redis to the volume");
    const [job = ""] = forth.files;
    const [claim = ""] = back.files;
    const write = (name: string, text: string): Promise<void> => writeFile(join(world.folder, name), text);
    const follow = async (commands: readonly string[], given: string): Promise<void> => {
      for (const command of commands) await world.shell(command.replace("--values values.yaml", given));
    };
    await write("redis-password", "hunter2\n");
    const secret =
      installCommands.find((command) => command.includes("create secret generic posthouse-redis")) ?? "false";
    await world.shell(secret.replace("redis://redis.example.net:6379", redis.url));

    await write("store-move.yaml", job);
    await follow(forth.commands, `${values()} ${onRedis}`);
    expect(await world.shell(`${kubectl} logs job/store-move`)).toMatch(/^messages +1 +1 +same$/m);
    expect(await world.shell(`${kubectl} get deployments,statefulsets --output name`)).not.toContain("statefulset");
    const attempts = world.sink.connections;
    await world.sink.waitFor(({ connections }) => connections > attempts, patience);

    const upgrade = `helm upgrade posthouse charts/posthouse --namespace ${release} --dry-run=server ${values()}`;
    await expect(world.shell(upgrade)).rejects.toThrow("are in the Redis of the Deployment posthouse-relay");
    const [, args = ""] = /`(args: .*?)`/.exec(back.text) ?? [];
    expect(job).toMatch(/^ +args: .*$/m);
    await write("store-move.yaml", job.replace(/args: .*$/m, args));
    await write("claim.yaml", claim);
    await world.shell(`${kubectl} delete job/store-move pvc/state-posthouse-relay-0`);
    await follow(back.commands, values());
    expect(await world.shell(`${kubectl} logs job/store-move`)).toMatch(/^messages +1 +1 +same$/m);
  }

  /** What the operator and the relay made in either namespace, a line for each sort of it. */
  async function guideNamesWhatStays(): Promise<void> {
    const kinds = "configmaps,secrets,leases,persistentvolumeclaims";
    const [inside, beside] = await Promise.all(
      [release, "team-shop"].map(async (namespace) => {
        const names = await world.shell(`kubectl get ${kinds} --namespace ${namespace} --output name`);
        const sorts = names
          .trim()
          .split("\n")
          .map((name) => name.replace(/-[0-9a-f]{32}.*/, ""));
        return [...new Set(sorts)].filter((name) => name !== "configmap/kube-root-ca.crt").toSorted();
      }),
    );
    expect(inside).toEqual([
      "configmap/keys",
      "lease.coordination.k8s.io/posthouse-operator",
      "persistentvolumeclaim/state-posthouse-relay-0",
      "secret/credential",
      "secret/dkim",
      "secret/domain",
      "secret/tenant",
    ]);
    const credentials = ["marketing-newsletter", "production-web", "staging-web"].map((name) => `secret/shop-${name}`);
    expect(beside).toEqual(["configmap/shop-example-dns", ...credentials]);
    const { text } = sectionOfGuide("upgrade", "Uninstall");
    for (const row of [/Lease `posthouse-operator`/, /`state-posthouse-relay-0`/, /ConfigMaps `<SendingDomain>-dns`/])
      expect(text).toMatch(row);
  }

  /** Every object of any kind that a release put there, as `resource/name`. */
  async function leftOfHelm(): Promise<readonly string[]> {
    const kinds = (await world.shell("kubectl api-resources --verbs=list,create --output name")).trim().split("\n");
    const names = await world.shell(
      `kubectl get ${kinds.join(",")} --all-namespaces --selector app.kubernetes.io/managed-by=Helm --output name`,
    );
    return names.trim().split("\n").toSorted();
  }
});

/** A copy of the chart in `folder` whose SendingDomain has one more optional field. */
async function nextChart(folder: string): Promise<string> {
  const copy = join(folder, "next");
  await cp(chartFolder, copy, { recursive: true });
  const crd = join(copy, "templates/crds/sendingdomains.posthouse.dev.yaml");
  const text = await readFile(crd, "utf8");
  const changed = text.replace(/^( +)deletionPolicy:$/m, "$1remark:\n$1  type: string\n$1  maxLength: 64\n$&");
  expect(changed).not.toBe(text);
  await writeFile(crd, changed);
  const about = join(copy, "Chart.yaml");
  await writeFile(about, (await readFile(about, "utf8")).replace(/^version: .*$/m, "version: 0.1.1"));
  return copy;
}
