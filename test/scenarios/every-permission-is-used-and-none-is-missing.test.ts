import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyHistoryName, keySecretName } from "../../contract/names.ts";
import { comparePermissions, type Comparison } from "../harness/audit-permissions.ts";
import { objectsOf, type Rendered } from "../harness/chart.ts";
import { make } from "../harness/custom-resources.ts";
import { dnsEndpointCrd } from "../harness/dns-endpoint-crd.ts";
import { canRunKubelet } from "../harness/kubelet/kubelet.ts";
import { withKubelet } from "../harness/kubelet/with-kubelet.ts";
import { type KubernetesWorld, startKubernetesWorld } from "../harness/kubernetes-world.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 300_000;

interface Mode {
  readonly what: string;
  /** Of the release, and of its team. */
  readonly home: string;
  readonly team: string;
  /** Where its keys and contracts are. */
  readonly keys: string;
  /** Of the team's domain, in place of `shop.example`. */
  readonly domain: string;
  /** Beside those of the world. */
  readonly values: string;
  /** How the team's records are published; through ExternalDNS, the fleet grants it the domain. */
  readonly publish: "Report" | "ExternalDNS";
}

const modes: readonly Mode[] = [
  {
    what: "in all namespaces",
    home: "posthouse-system",
    team: "team-shop",
    keys: "posthouse-system",
    domain: "shop.example",
    values: "",
    publish: "Report",
  },
  {
    what: "in the namespaces that are named, with keys in one of their own and a grant of DNS automation",
    home: "posthouse-two",
    team: "team-two",
    keys: "keys-two",
    domain: "two.example",
    values:
      "--set tenantNamespaces={team-two} --set contractNamespace=keys-two --set crds.enabled=false --set admissionPolicy.enabled=false --set rbac.userRoles=false --set rbac.tokenReviews=false" +
      ` --set-json 'fleet.dnsAutomation=[{"zones":["two.example"],"namespaces":["team-two"]}]'`,
    publish: "ExternalDNS",
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

/** The last selector of a claim's key history, once it is there. */
function lastSelectorOf(object: unknown): string | undefined {
  const { data } = object as { readonly data?: { readonly history: string } };
  const { keys = [] } = JSON.parse(data?.history ?? "{}") as {
    readonly keys?: readonly { readonly selector: string }[];
  };
  return keys.at(-1)?.selector;
}

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

  /** The life of a team in a minute; what a deleted object leaves goes after seconds here, not after an hour. */
  const live = async (mode: Mode): Promise<void> => {
    const { home, team, keys, domain, values, publish } = mode;
    const { kubectl, wait } = commandsIn(team);
    for (const namespace of new Set([team, keys])) await kubectl(`create namespace ${namespace}`);
    if (publish === "ExternalDNS") await apply(team, JSON.stringify(dnsEndpointCrd));
    await world.shell(
      `helm install posthouse charts/posthouse --namespace ${home} --create-namespace --wait ${world.values.join(" ")} --set 'operator.extraArgs={--orphan-grace,1s}' ${values}`,
    );
    await apply(team, `${tenant}---${claim(mode, "first", domain)}`);
    await wait("condition=Ready relaytenant/shop sendingdomain/first");
    await world.publishRecords(team, "first");
    await wait("condition=DNSVerified sendingdomain/first");
    await isMisread(team);
    // Keys and records more, another key of an application, a credential less.
    await kubectl("annotate sendingdomain/first posthouse.dev/rotate=1");
    await kubectl("annotate relaytenant/shop --overwrite posthouse.dev/rotate=staging/web=1");
    await wait("jsonpath='{.status.dkim.lastHandledRotation}'=1 sendingdomain/first");
    await wait("condition=Ready relaytenant/shop");
    const drop = JSON.stringify([{ op: "remove", path: "/spec/environments/0/credentials/1" }]);
    await kubectl(`patch relaytenant/shop --type=json --patch '${drop}'`);
    await wait("delete secret/newsletter");
    // What Posthouse would make is another's already.
    await kubectl("create configmap second-dns");
    if (publish === "ExternalDNS") await apply(team, JSON.stringify(foreignEndpoint));
    await apply(team, claim(mode, "second", `second.${domain}`));
    await wait("condition=Stalled sendingdomain/second");
    await competes(mode);
    await kubectl(`patch sendingdomain/first --type=merge --patch '{"spec":{"dns":{"publish":"Report"}}}'`);
    // A private key is lost.
    const inKeys = commandsIn(keys).kubectl;
    const [key] = (await inKeys("get secrets --selector posthouse.dev/key=dkim --output=name")).split("\n");
    await inKeys(`delete ${key}`);
    await isMisread(team);
    const { kubectl: inHome } = commandsIn(home);
    await inHome("rollout restart deployment/posthouse-operator");
    await inHome("rollout status deployment/posthouse-operator --timeout=120s");
    await kubectl("delete sendingdomain/first");
    await wait("delete configmap/first-dns");
  };
  const commandsIn = (namespace: string) => {
    const kubectl = (command: string): Promise<string> => world.shell(`kubectl --namespace ${namespace} ${command}`);
    return { kubectl, wait: (what: string): Promise<string> => kubectl(`wait --timeout=120s --for=${what}`) };
  };
  /** An annotation names no credential. The same again is counted where it was told: a minute later, or when the operator ends. */
  const isMisread = async (team: string): Promise<void> => {
    const { kubectl, wait } = commandsIn(team);
    await kubectl("annotate relaytenant/shop --overwrite posthouse.dev/rotate=nobody");
    await wait("condition=Stalled relaytenant/shop");
    const told = async (): Promise<true | undefined> =>
      (await kubectl("get events --output=name --field-selector=reason=RotateAnnotationInvalid")) !== "" || undefined;
    await until("an Event tells it", told);
  };
  /** Somebody else writes where Posthouse does, at the same time, until it finds that it has to read what is there. */
  const competes = async ({ home, team, keys, domain }: Mode): Promise<void> => {
    const { ask, auditEvents } = controlPlane();
    const place = `/api/v1/namespaces/${keys}`;
    const round = async (name: string): Promise<void> => {
      const claimed = { namespace: team, name, domain: `${name}.${domain}` };
      await make(controlPlane(), `sendingdomains/${team}/${name}`, {
        domain: claimed.domain,
        tenantRef: { name: "shop" },
      });
      const path = `${place}/configmaps/${keyHistoryName(claimed)}`;
      // The first of the two keys takes a while to make.
      const selector = await until("selectors are allotted", async () => lastSelectorOf((await ask({ path })).body));
      const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: keySecretName(claimed, selector) } };
      await ask({ method: "POST", path: `${place}/secrets`, body: secret });
      for (let turn = 0; turn < 40; turn++) {
        const body = { metadata: { annotations: { turn: String(turn) } } };
        await ask({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
      }
    };
    let rounds = 0;
    const isRead = async (): Promise<true | undefined> => {
      await round(`contested-${++rounds}`);
      const username = `system:serviceaccount:${home}:posthouse-operator`;
      const read = (await auditEvents()).filter(({ verb, user }) => verb === "get" && user.username === username);
      const kinds = new Set(read.map(({ objectRef }) => objectRef?.namespace === keys && objectRef.resource));
      return (kinds.has("secrets") && kinds.has("configmaps")) || undefined;
    };
    await until("the operator reads what another has written", isRead, 60_000);
  };

  test.each(modes)("$what are used, each of them, and are enough", { timeout: patience }, async (mode) => {
    const compare = async (rendered: readonly Rendered[], component: string): Promise<Comparison> =>
      comparePermissions(rendered, `${mode.home}/posthouse-${component}`, await controlPlane().auditEvents());
    const expected = { operator: { unused: [], denied: [] }, relay: { unused: [], denied: [] } };
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
