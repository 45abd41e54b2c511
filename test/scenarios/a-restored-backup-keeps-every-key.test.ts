import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunKubelet } from "../harness/kubelet/kubelet.ts";
import { withKubelet } from "../harness/kubelet/with-kubelet.ts";
import { type KubernetesWorld, startKubernetesWorld } from "../harness/kubernetes-world.ts";
import { readmeCommands } from "../harness/readme-commands.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 300_000;
const guide = "docs/guides/backup.md";

describe.skipIf(!canRunKubelet)("the guide's commands", () => {
  const controlPlane = withControlPlane();
  withKubelet(controlPlane);
  let world: KubernetesWorld;
  beforeAll(async () => {
    world = await startKubernetesWorld(controlPlane());
  }, patience);
  afterAll(() => world.close());

  /** Each in a shell of its own, apart from variables, which the first ones set. */
  const run = async (commands: readonly string[]): Promise<void> => {
    const variables = commands.filter((command) => /^\w+=/.test(command));
    for (const command of commands) {
      const values = command.startsWith("helm ") ? ` ${world.values.join(" ")}` : "";
      if (!variables.includes(command)) await world.shell([...variables, command + values].join("\n"));
    }
  };
  const keysAndSecrets = async (): Promise<string> => {
    const keys = await world.shell(
      "kubectl get sendingdomain shop-example --namespace team-shop --output jsonpath='{range .status.dkim.keys[*]}{.selector} {.fingerprint} {.state}{\"\\n\"}{end}'",
    );
    const password = await world.shell(
      "kubectl get secret shop-production-web --namespace team-shop --output jsonpath='{.data.password}'",
    );
    const offered = await world.shell("kubectl get secret upstream --namespace team-shop --output jsonpath='{.data}'");
    return keys + password + offered;
  };
  /** What the relays have of the tenant's password for a smarthost. */
  const copies = (): Promise<string> =>
    world.shell(
      "kubectl get secrets --namespace posthouse-system --selector posthouse.dev/key=smarthost --output name",
    );
  /** Its Secret has keys that are named as what the cluster writes into metadata. */
  const usesSmarthost = async (): Promise<void> => {
    const offered = "username password uid generation resourceVersion creationTimestamp".split(" ");
    const literals = offered.map((key) => `--from-literal=${key}=words-of-the-team`).join(" ");
    await world.shell(`kubectl create secret generic upstream --namespace team-shop ${literals}`);
    await world.shell("kubectl label secret upstream --namespace team-shop posthouse.dev/use=smarthost");
    const upstream = { name: "upstream", host: "smtp.example.net", port: 587, security: "StartTLS" };
    const smarthosts = [{ ...upstream, secretRef: { name: "upstream" } }];
    const patch = JSON.stringify({ spec: { delivery: { route: "Smarthost", smarthosts } } });
    await world.shell(`kubectl patch relaytenant shop --namespace team-shop --type merge --patch '${patch}'`);
  };
  const settled = async (): Promise<void> => {
    const wait = "kubectl wait --namespace team-shop --timeout=120s";
    await world.shell(`${wait} --for=condition=Ready relaytenant/shop sendingdomain/shop-example`);
  };
  /** That the records are seen is told before the keys may sign. */
  const signing = async (): Promise<void> => {
    const wait = "kubectl wait --namespace team-shop --timeout=120s";
    for (const sign of [
      "condition=DNSVerified",
      ...[0, 1].map((i) => `jsonpath='{.status.dkim.keys[${i}].state}'=Active`),
    ])
      await world.shell(`${wait} --for=${sign} sendingdomain/shop-example`);
  };

  test("bring keys and credentials back after everything was lost", { timeout: patience }, async () => {
    const shell = (command: string): Promise<string> => world.shell(command);
    await shell("echo 'tls: { secretName: posthouse-tls }' >values.yaml");
    for (const command of readmeCommands("On Kubernetes").filter((each) => /^(openssl|kubectl create) /.test(each)))
      await shell(command);
    await shell(
      `helm install posthouse charts/posthouse --namespace posthouse-system --wait --values values.yaml ${world.values.join(" ")}`,
    );
    await shell("kubectl apply --filename docs/examples/quickstart");
    await usesSmarthost();
    await settled();
    const copied = await copies();
    expect(copied.trim().split("\n")).toHaveLength(1);
    await world.publishRecords("team-shop", "shop-example");
    await signing();
    await run(readmeCommands("When something is lost", guide));
    const before = await keysAndSecrets();

    await shell("helm uninstall posthouse --namespace posthouse-system --wait");
    await shell("kubectl delete crd relaytenants.posthouse.dev sendingdomains.posthouse.dev");
    await shell("kubectl delete secrets --all --namespace team-shop");
    await shell("kubectl delete namespace posthouse-system --timeout=120s");

    await run(readmeCommands("Restore", guide));
    await settled();
    await signing();
    expect(await keysAndSecrets()).toBe(before);
    const copiedAnew = await copies();
    expect(copiedAnew.trim().split("\n")).toHaveLength(1);
    expect(copiedAnew).not.toBe(copied);
  });
});
