import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canRunKubelet } from "../harness/kubelet/kubelet.ts";
import { withKubelet } from "../harness/kubelet/with-kubelet.ts";
import { type KubernetesWorld, startKubernetesWorld } from "../harness/kubernetes-world.ts";
import { readmeCommands } from "../harness/readme-commands.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 300_000;

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly containerStatuses: readonly { readonly restartCount: number }[] };
  }[];
}

describe.skipIf(!canRunKubelet)("the README's commands for Kubernetes", () => {
  const controlPlane = withControlPlane();
  withKubelet(controlPlane);
  let world: KubernetesWorld;
  beforeAll(async () => {
    world = await startKubernetesWorld(controlPlane());
  }, patience);
  afterAll(() => world.close());

  test("install the chart, and a message arrives signed, verified and over TLS", { timeout: patience }, async () => {
    const outputs: string[] = [];
    for (const command of readmeCommands("On Kubernetes")) {
      // The checkout is the image here, and no registry is needed.
      if (command.startsWith("docker ")) continue;
      // The reader publishes what was reported, before waiting for it to be seen.
      if (command.includes("DNSVerified")) await world.publishRecords("team-shop", "shop-example");
      const isInstall = command.startsWith("helm install ");
      outputs.push(await world.shell(isInstall ? `${command} ${world.values.join(" ")}` : command));
    }
    const sent = outputs.at(-1) ?? "";
    expect(sent).toMatch(/^accepted: 250 2\.0\.0 Ok: queued as \S+$/m);
    expect(sent).toContain("C: STARTTLS");

    await world.sink.waitFor(({ received }) => received.length === 1, 60_000);
    const [message] = world.sink.received;
    expect(message).toMatchObject({ secure: true, recipients: ["anna@friend.example"] });
    const passed = message?.verdict?.dkim.filter(({ result, aligned }) => result === "pass" && aligned) ?? [];
    expect(passed.map(({ algorithm }) => algorithm).toSorted()).toEqual(["ed25519-sha256", "rsa-sha256"]);
    expect(message?.verdict).toMatchObject({ spf: "pass", dmarc: "pass" });
  });

  test("leave pods that never had to start again", { timeout: patience }, async () => {
    const { body } = await controlPlane().ask({ path: "/api/v1/namespaces/posthouse-system/pods" });
    const pods = (body as PodList).items;
    expect(pods.map(({ metadata }) => metadata.name.replace(/-[0-9a-f]+-\w+$/, "")).toSorted()).toEqual([
      "posthouse-operator",
      "posthouse-relay-0",
    ]);
    for (const { status } of pods) expect(status.containerStatuses).toMatchObject([{ restartCount: 0 }]);
  });
});
