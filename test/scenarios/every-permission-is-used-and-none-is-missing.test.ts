import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comparePermissions, type Comparison } from "../harness/audit-permissions.ts";
import { objectsOf, type Rendered } from "../harness/chart.ts";
import { dnsEndpointCrd } from "../harness/dns-endpoint-crd.ts";
import { canRunKubelet } from "../harness/kubelet/kubelet.ts";
import { withKubelet } from "../harness/kubelet/with-kubelet.ts";
import { type KubernetesWorld, startKubernetesWorld } from "../harness/kubernetes-world.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 300_000;

/**
 * Granted to the operator, and used by nothing that happens within a minute: what a deleted SendingDomain leaves goes an hour
 * later, and an Event is counted on a minute after it was told.
 */
const later = (namespaces: readonly string[]): readonly string[] =>
  namespaces.flatMap((where) => [`delete configmaps in ${where}`, `patch events.events.k8s.io in ${where}`]);

interface Mode {
  readonly what: string;
  /** Of the release, and of its team. */
  readonly home: string;
  readonly team: string;
  /** Of the team's domain, in place of `shop.example`. */
  readonly domain: string;
  /** Beside those of the world. */
  readonly values: string;
  /** How the team's records are published; through ExternalDNS, the fleet grants it the domain. */
  readonly publish: "Report" | "ExternalDNS";
  readonly later: readonly string[];
}

const modes: readonly Mode[] = [
  {
    what: "in all namespaces",
    home: "posthouse-system",
    team: "team-shop",
    domain: "shop.example",
    values: "",
    publish: "Report",
    later: later(["all namespaces"]),
  },
  {
    what: "in the namespaces that are named, with a grant of DNS automation",
    home: "posthouse-two",
    team: "team-two",
    domain: "two.example",
    values:
      "--set tenantNamespaces={team-two} --set crds.enabled=false --set admissionPolicy.enabled=false --set rbac.userRoles=false --set rbac.tokenReviews=false" +
      ` --set-json 'fleet.dnsAutomation=[{"zones":["two.example"],"namespaces":["team-two"]}]'`,
    publish: "ExternalDNS",
    // An object is read again when somebody else writes to it at the same time: in the contract namespace nobody does.
    later: [...later(["team-two"]), "get configmaps in posthouse-two", "get secrets in posthouse-two"],
  },
];

const tenant = `
apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: {name: shop}
spec:
  allowance: {plan: Pro, credits: {type: Recurring, amount: 12000, reset: Monthly}}
  environments:
    - name: staging
      mode: Capture
      credentials: [{name: web, secretName: web}, {name: newsletter, secretName: newsletter}]
`;
const claim = ({ publish }: Mode, name: string, domain: string): string => `
apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: {name: ${name}}
spec: {domain: ${domain}, tenantRef: {name: shop}, dmarc: {policy: None}, dns: {publish: ${publish}}}
`;
/** At the name of the one that Posthouse makes. */
const foreignEndpoint = {
  apiVersion: "externaldns.k8s.io/v1alpha1",
  kind: "DNSEndpoint",
  metadata: { name: "second-dns" },
};

describe.skipIf(!canRunKubelet)("the chart's permissions", () => {
  const controlPlane = withControlPlane();
  withKubelet(controlPlane);
  let world: KubernetesWorld;
  beforeAll(async () => {
    world = await startKubernetesWorld(controlPlane());
  }, patience);
  afterAll(() => world.close());

  const apply = async (namespace: string, manifest: string): Promise<void> => {
    const args = ["apply", "--namespace", namespace, "--filename", "-"];
    const { code, stderr } = await controlPlane().run("kubectl", args, manifest);
    if (code !== 0) throw new Error(stderr);
  };

  /** The life of a team in a minute. */
  const live = async (mode: Mode): Promise<void> => {
    const { home, team, domain, values, publish } = mode;
    const shell = (command: string): Promise<string> => world.shell(command);
    const kubectl = (command: string): Promise<string> => shell(`kubectl --namespace ${team} ${command}`);
    const wait = (what: string): Promise<string> => kubectl(`wait --timeout=120s --for=${what}`);
    await kubectl(`create namespace ${team}`);
    if (publish === "ExternalDNS") await apply(team, JSON.stringify(dnsEndpointCrd));
    await shell(
      `helm install posthouse charts/posthouse --namespace ${home} --create-namespace --wait ${world.values.join(" ")} ${values}`,
    );
    await apply(team, `${tenant}---${claim(mode, "first", domain)}`);
    await wait("condition=Ready relaytenant/shop sendingdomain/first");
    await world.publishRecords(team, "first");
    await wait("condition=DNSVerified sendingdomain/first");
    // Keys and records more, another key of an application, a credential less.
    await kubectl("annotate sendingdomain/first posthouse.dev/rotate=1");
    await kubectl("annotate relaytenant/shop posthouse.dev/rotate=staging/web=1");
    await wait("jsonpath='{.status.dkim.lastHandledRotation}'=1 sendingdomain/first");
    const drop = JSON.stringify([{ op: "remove", path: "/spec/environments/0/credentials/1" }]);
    await kubectl(`patch relaytenant/shop --type=json --patch '${drop}'`);
    await wait("delete secret/newsletter");
    // What Posthouse would make is another's already.
    await kubectl("create configmap second-dns");
    if (publish === "ExternalDNS") await apply(team, JSON.stringify(foreignEndpoint));
    await apply(team, claim(mode, "second", `second.${domain}`));
    await wait("condition=Stalled sendingdomain/second");
    await kubectl(`patch sendingdomain/first --type=merge --patch '{"spec":{"dns":{"publish":"Report"}}}'`);
    // A private key is lost.
    const inHome = `kubectl --namespace ${home}`;
    await shell(
      `${inHome} delete $(${inHome} get secrets --selector posthouse.dev/key=dkim --output=name | head -n 1)`,
    );
    await shell(`${inHome} rollout restart deployment/posthouse-operator`);
    await shell(`${inHome} rollout status deployment/posthouse-operator --timeout=120s`);
  };

  test.each(modes)("$what are used, each of them, and are enough", { timeout: patience }, async (mode) => {
    const compare = async (rendered: readonly Rendered[], component: string): Promise<Comparison> =>
      comparePermissions(rendered, `${mode.home}/posthouse-${component}`, await controlPlane().auditEvents());
    const expected = { operator: { unused: mode.later.toSorted(), denied: [] }, relay: { unused: [], denied: [] } };
    try {
      await live(mode);
      const rendered = objectsOf(await world.shell(`helm get manifest posthouse --namespace ${mode.home}`));
      const found = async (): Promise<object> => ({
        operator: await compare(rendered, "operator"),
        relay: await compare(rendered, "relay"),
      });
      const isAsExpected = async (): Promise<true | undefined> =>
        isDeepStrictEqual(await found(), expected) || undefined;
      await until("every permission is used", isAsExpected, 60_000).catch(() => undefined);
      expect(await found()).toEqual(expected);
    } finally {
      await world.shell(`helm uninstall posthouse --namespace ${mode.home} --wait`);
    }
  });
});
