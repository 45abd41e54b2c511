import { afterEach, expect, test } from "vitest";
import { chartAccount } from "../harness/chart-account.ts";
import { becomes, deliveringTenant, has, keysOf, make, writesOf, writingEnds } from "../harness/custom-resources.ts";
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

async function leaseOf(namespace: string): Promise<{ holderIdentity?: string; renewTime?: string }> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/posthouse-operator`;
  const { body } = await plane().ask({ path });
  return (body as { spec: { holderIdentity?: string; renewTime?: string } }).spec;
}

interface EventList {
  readonly items: readonly {
    readonly type: string;
    readonly reason: string;
    readonly action: string;
    readonly note: string;
    readonly reportingController: string;
    readonly regarding: { readonly kind: string; readonly name: string; readonly uid: string };
  }[];
}

test(
  "one works and tells of it, hands over without a write, and ends when it was frozen",
  { timeout: 500_000 },
  async () => {
    const release = await operatorRelease(plane());
    const team = await plane().namespace();
    const { namespace } = release;
    // The audit log tells the account of another release from the first one's.
    const start = async (another?: string): Promise<OperatorProcess> => {
      const own = another !== undefined && {
        kubeconfig: await chartAccount(plane(), { namespace, component: "operator", release: another }),
      };
      const operator = await startOperatorProcess(plane(), { ...release, ...own }, fleet);
      operators.push(operator);
      return operator;
    };
    const first = await start();
    await first.ready("leading");
    const second = await start("second");
    await second.ready(`standing by; ${first.identity}`);
    expect(await second.get("/metrics")).toMatch(/leader_election_master_status\{name="posthouse-operator"\} 0/);
    await make(plane(), `relaytenants/${team}/shop`, deliveringTenant);
    await make(plane(), `sendingdomains/${team}/shop`, { domain: "shop.example", tenantRef: { name: "shop" } });
    const isReady = has("Ready", "True/Reconciled");
    await becomes(plane(), `relaytenants/${team}/shop`, isReady, first.output);
    await becomes(plane(), `sendingdomains/${team}/shop`, isReady, first.output);

    const before = await writingEnds(plane(), release.namespace, "posthouse-operator");
    const { body } = await plane().ask({ path: `/apis/events.k8s.io/v1/namespaces/${team}/events` });
    const { items } = body as EventList;
    const told = items.map((event) => `${event.regarding.kind} ${event.type} ${event.reason} ${event.action}`);
    expect(told).toContain("SendingDomain Normal KeyAllotted CreateKey");
    expect(told).toContain("RelayTenant Normal CredentialIssued IssueCredential");
    const keys = items.find(({ reason }) => reason === "KeyAllotted");
    expect(keys).toMatchObject({
      note: expect.stringMatching(/RSA2048.*Ed25519/),
      reportingController: "posthouse.dev/operator",
    });
    expect(JSON.stringify(items)).not.toMatch(/ph_[a-z0-9]{12}|PRIVATE/);

    first.signal("SIGTERM");
    expect(await first.ended()).toBe(0);
    await second.ready("leading");
    expect(await writingEnds(plane(), release.namespace, "posthouse-operator")).toBe(before);
    expect(await writesOf(plane(), release.namespace, "second-operator")).toEqual([]);

    // Frozen in the middle of its work, for longer than its Lease: when it wakes up another has done the rest.
    const late = Array.from({ length: 20 }, (_, index) => `late-${index}`);
    await Promise.all(
      late.map((name) =>
        make(plane(), `sendingdomains/${team}/${name}`, { domain: `${name}.example`, tenantRef: { name: "shop" } }),
      ),
    );
    const keysMade = async (): Promise<number> => (await keysOf(plane(), release.namespace)).length;
    await until("keys are being made", async () => (await keysMade()) > 4 || undefined, 120_000);
    second.signal("SIGSTOP");
    expect(await keysMade()).toBeLessThan(2 * late.length);
    const third = await start("third");
    await third.ready("leading");
    for (const name of late) await becomes(plane(), `sendingdomains/${team}/${name}`, isReady, third.output);
    const beforeItWoke = await writesOf(plane(), release.namespace, "second-operator");
    expect(beforeItWoke.length).toBeGreaterThan(0);
    second.signal("SIGCONT");
    expect(await second.ended()).toBe(1);
    expect(second.output()).toContain("not leading any more");
    expect(await writesOf(plane(), release.namespace, "second-operator")).toEqual(beforeItWoke);
    expect(await keysMade()).toBe(2 * (late.length + 1));
    expect((await leaseOf(release.namespace)).holderIdentity).toContain(third.identity);
    const { renewTime } = await leaseOf(release.namespace);
    expect(renewTime).toMatch(/\.\d{6}Z$/);
    const created = (await writesOf(plane(), release.namespace, "posthouse-operator")).filter((line) =>
      line.startsWith("create"),
    );
    expect(created.length).toBeGreaterThan(before / 2);

    third.signal("SIGTERM");
    expect(await third.ended()).toBe(0);
    expect((await leaseOf(release.namespace)).holderIdentity ?? "").toBe("");
  },
);
