import { afterEach, expect, test } from "vitest";
import { becomes, deliveringTenant, has, make, writesOf, writingEnds } from "../harness/custom-resources.ts";
import { operatorRelease, startOperatorProcess, type OperatorProcess } from "../harness/operator-process.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const plane = withControlPlane({ crds: true });
const operators: OperatorProcess[] = [];
afterEach(async () => {
  for (const operator of operators.splice(0)) {
    operator.signal("SIGKILL");
    await operator.ended();
  }
});

/** Nobody answers there: what matters here is not in the DNS. */
const fleet = {
  hostname: "relay.example",
  dns: { mode: "Resolvers", resolvers: ["127.0.0.1:1"], missingInterval: "1h", missingIntervalMax: "1h" },
};

interface KeySecret {
  readonly metadata: { readonly uid: string };
  readonly data: Readonly<Record<"domain" | "algorithm" | "selector", string>>;
}

/** DKIM keys in a contract namespace, as `domain algorithm selector uid`. */
async function keysOf(namespace: string): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${namespace}/secrets?labelSelector=posthouse.dev%2Fkey%3Ddkim`;
  const { body } = await plane().ask({ path });
  const { items } = body as { items: readonly KeySecret[] };
  const line = ({ metadata, data }: KeySecret): string =>
    [data.domain, data.algorithm, data.selector]
      .map((text) => atob(text))
      .concat(metadata.uid)
      .join(" ");
  return items.map(line).toSorted();
}

test(
  "when the one that works is killed in the middle, the other goes on: no key is made twice",
  { timeout: 500_000 },
  async () => {
    const release = await operatorRelease(plane());
    const team = await plane().namespace();
    const first = await startOperatorProcess(plane(), release, fleet);
    operators.push(first);
    await first.ready("leading");
    const second = await startOperatorProcess(plane(), release, fleet);
    operators.push(second);
    await second.ready(`standing by; ${first.identity}`);
    await make(plane(), `relaytenants/${team}/shop`, deliveringTenant);
    const names = Array.from({ length: 24 }, (_, index) => `shop-${index}`);
    await Promise.all(
      names.map((name) =>
        make(plane(), `sendingdomains/${team}/${name}`, { domain: `${name}.example`, tenantRef: { name: "shop" } }),
      ),
    );
    await until(
      "keys are being made",
      async () => ((await keysOf(release.namespace)).length > 2 ? true : undefined),
      120_000,
    );
    first.signal("SIGKILL");
    await first.ended();
    const left = await keysOf(release.namespace);

    await second.ready("leading");
    for (const name of names)
      await becomes(plane(), `sendingdomains/${team}/${name}`, has("Ready", "True/Reconciled"), second.output);
    await writingEnds(plane(), release.namespace, "posthouse-operator");
    const keys = await keysOf(release.namespace);
    expect(keys).toEqual(expect.arrayContaining([...left]));
    const made = keys.map((key) => key.split(" ").slice(0, 2).join(" "));
    expect(made).toEqual(names.flatMap((name) => [`${name}.example Ed25519`, `${name}.example RSA2048`]).toSorted());
    const secrets = `/api/v1/namespaces/${release.namespace}/secrets/`;
    const writes = await writesOf(plane(), release.namespace, "posthouse-operator");
    expect(writes.filter((line) => line.startsWith(`delete ${secrets}`))).toEqual([]);
  },
);
