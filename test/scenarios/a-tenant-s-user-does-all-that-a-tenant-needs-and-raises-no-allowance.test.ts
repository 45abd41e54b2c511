import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyHistoryName, tenantContractName } from "../../contract/names.ts";
import { dnsEndpointCrd } from "../harness/dns-endpoint-crd.ts";
import { canRunKubelet } from "../harness/kubelet/kubelet.ts";
import { withKubelet } from "../harness/kubelet/with-kubelet.ts";
import { type KubernetesWorld, startKubernetesWorld } from "../harness/kubernetes-world.ts";
import { introduce, type People } from "../harness/people.ts";
import { loggedIn, serviceAddress } from "../harness/release.ts";
import { until } from "../harness/until.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

const patience = 300_000;
const release = "posthouse-system";

/** A member of the team, its administrator, one who looks on, one with a role of the team's own, and the platform's. */
const places = {
  anna: { role: "edit", namespace: "team-shop" },
  ada: { role: "admin", namespace: "team-shop" },
  vera: { role: "view", namespace: "team-shop" },
  mallory: { role: "everything-of-tenants", namespace: "team-shop" },
  paul: { role: "posthouse-platform" },
};
type Person = keyof typeof places;

const everythingOfTenants = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: everything-of-tenants}
rules: [{apiGroups: [posthouse.dev], resources: [relaytenants], verbs: [get, list, watch, create, update, patch, delete]}]
`;

const example = (name: string): string =>
  readFileSync(new URL(`../../docs/examples/quickstart/${name}.yaml`, import.meta.url), "utf8");
const rbacGuide = readFileSync(new URL("../../docs/guides/rbac.md", import.meta.url), "utf8");
const shop = example("tenant");
const richer = shop.replace("amount: 12000", "amount: 99999999");
const other = shop.replace(/^ +name: shop$/m, "  name: other").replace(/^ +environments:[^]*/m, "");
const blog = `
apiVersion: posthouse.dev/v1alpha1
kind: RelayTenant
metadata: {name: blog, namespace: team-blog}
spec:
  allowance: {plan: Pro, credits: {type: Recurring, amount: 5, reset: Monthly}}
  environments: [{name: production, mode: Deliver, credentials: [{name: web, secretName: blog-web}]}]
`;
const claim = (name: string, more = ""): string => `
apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: {name: ${name}-example, namespace: team-shop}
spec: {domain: ${name}.example, tenantRef: {name: shop}, ${more}}
`;
const role = (resource: string, verb: string): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: own, namespace: team-shop}
rules: [{apiGroups: [posthouse.dev], resources: [${resource}], verbs: [${verb}]}]
`;

const inShop = "--namespace=team-shop";
const inHome = `--namespace=${release}`;
const inBlog = "--namespace=team-blog";
const apply = "apply --server-side --force-conflicts --filename=-";
const patch = (spec: object): string => `patch relaytenant/shop --type=merge --patch=${JSON.stringify({ spec })}`;
const allowance = (change: object): string => `${inShop} ${patch({ allowance: change })}`;
const raise = allowance({ credits: { amount: 99_999_999 } });

const policy =
  /spec\.allowance is for the platform team to set: \w+ may not update relaytenants\/allowance in the namespace team-shop/;
const forbidden = /User "\w+" cannot \w+ resource/;
const topUps = [{ name: "free", amount: 5, expiresAt: "2099-01-01T00:00:00Z" }];
/** Sent without a look at what is there: somebody who may not read may still not write. */
const part = (apiVersion: string, kind: string, name: string, rest: object): string =>
  JSON.stringify({ apiVersion, kind, metadata: { name, namespace: "team-shop" }, ...rest });
const anyStatus = (kind: string, name: string): string =>
  part("posthouse.dev/v1alpha1", kind, name, { status: { observedGeneration: 1 } });
const endpoint = part("externaldns.k8s.io/v1alpha1", "DNSEndpoint", "automated-example-dns", {
  spec: { endpoints: [] },
});
const amount = JSON.stringify([{ op: "replace", path: "/spec/allowance/credits/amount", value: 99_999_999 }]);
const contract = tenantContractName("team-shop", "shop");
const history = keyHistoryName({ namespace: "team-shop", name: "shop-example", domain: "shop.example" });

interface Attempt {
  readonly who: Person;
  readonly what: string;
  readonly command: string;
  readonly input: string;
  /** What kubectl complains of; absent when it is allowed. */
  readonly complaint?: RegExp;
}
type Row = readonly [what: string, command: string, input?: string];
const tries = (who: Person, rows: readonly Row[], complaint?: RegExp): readonly Attempt[] =>
  rows.map(([what, command, input = ""]) => ({ who, what, command, input, ...(complaint && { complaint }) }));

const allowed: readonly Attempt[] = [
  ...tries("anna", [
    ["apply the whole tenant with the allowance as it is", apply, shop],
    ["replace it", "replace --filename=-", shop],
  ]),
  ...tries("vera", [
    ["see the tenant and the claim", `${inShop} get relaytenant/shop sendingdomain/shop-example`],
    ["read what to publish", `${inShop} get configmap shop-example-dns`],
  ]),
  ...tries("paul", [
    ["make a tenant", "create --filename=-", other],
    ["end it", `${inShop} delete relaytenant other`],
  ]),
];

/** KEY stands for the name of a Secret with a private key. */
const refused: readonly Attempt[] = [
  ...tries(
    "anna",
    [
      ["raise the credits", raise],
      ["raise them by a JSON patch", `${inShop} patch relaytenant/shop --type=json --patch=${amount}`],
      ["raise them by applying", "apply --filename=-", richer],
      ["raise them by server-side apply", apply, richer],
      ["raise them by replacing", "replace --filename=-", richer],
      ["raise them by a dry run", `${raise} --dry-run=server`],
      ["lower them", allowance({ credits: { amount: 1 } })],
      ["add a top-up", allowance({ topUps })],
      ["choose a plan", allowance({ plan: "Scale" })],
      ["set the standing", allowance({ standing: "Suspended" })],
    ],
    policy,
  ),
  ...tries(
    "anna",
    [
      ["make a tenant", "create --filename=-", other],
      ["end the tenant", `${inShop} delete relaytenant shop`],
      ["write a tenant's status", `${apply} --subresource=status`, anyStatus("RelayTenant", "shop")],
      ["write a claim's status", `${apply} --subresource=status`, anyStatus("SendingDomain", "shop-example")],
      ["read a private key", `${inHome} get secret KEY`],
      ["throw a private key away", `${inHome} delete secret KEY`],
      ["read a contract", `${inHome} get secret ${contract}`],
      ["list keys and contracts", `${inHome} get secrets`],
      ["read the history of keys", `${inHome} get configmap ${history}`],
      ["confirm deletions", `${inHome} create configmap posthouse-deletions`],
      ["be the operator", `${inHome} create token posthouse-operator`],
      ["be a relay", `${inHome} create token posthouse-relay`],
      ["run a pod beside them", `${inHome} run pod --image=image`],
      ["read another team's credential", `${inBlog} get secret blog-web`],
      ["see another team's tenants", `${inBlog} get relaytenants`],
      ["claim a domain for another team", "create --filename=-", claim("mine").replace("team-shop", "team-blog")],
      ["see everybody's Secrets", "get secrets --all-namespaces"],
      ["see everybody's claims", "get sendingdomains --all-namespaces"],
      ["see a DNSEndpoint", `${inShop} get dnsendpoint automated-example-dns`],
      ["change a DNSEndpoint", apply, endpoint],
      ["take the policy away", "delete validatingadmissionpolicybinding posthouse-allowance"],
    ],
    forbidden,
  ),
  ...tries("anna", [["become another", `--as=paul ${raise}`]], /User "anna" cannot impersonate/),
  ...tries(
    "vera",
    [
      ["read a credential", `${inShop} get secret shop-production-web`],
      ["rotate", `${inShop} annotate relaytenant shop posthouse.dev/rotate=production/web=2`],
      ["drop a claim", `${inShop} delete sendingdomain shop-example`],
    ],
    forbidden,
  ),
  ...tries("ada", [["raise the credits", raise]], policy),
  ...tries(
    "ada",
    [
      ["make a role that raises them", apply, role("relaytenants/allowance", "update")],
      ["make a role that makes tenants", apply, role("relaytenants", "create")],
      ["let anna be the platform", `${inShop} create rolebinding own --clusterrole=posthouse-platform --user=anna`],
    ],
    /is attempting to grant RBAC permissions not currently held/,
  ),
  ...tries(
    "mallory",
    [
      ["raise the credits", raise],
      ["make a tenant", "create --filename=-", other],
    ],
    policy,
  ),
  ...tries(
    "paul",
    [
      ["read a private key", `${inHome} get secret KEY`],
      ["read a team's credential", `${inShop} get secret shop-production-web`],
    ],
    forbidden,
  ),
];

describe.skipIf(!canRunKubelet)("with the chart's roles, policy and operator", () => {
  const controlPlane = withControlPlane();
  withKubelet(controlPlane);
  let world: KubernetesWorld;
  let people: People<Person>;

  beforeAll(async () => {
    world = await startKubernetesWorld(controlPlane());
    await world.shell("kubectl create namespace team-shop && kubectl create namespace team-blog");
    people = await introduce(controlPlane(), places);
    for (const object of [everythingOfTenants, JSON.stringify(dnsEndpointCrd)])
      await controlPlane().run("kubectl", ["apply", "--filename=-"], object);
    const grant = JSON.stringify([{ zones: ["automated.example"], namespaces: ["team-shop"] }]);
    await world.shell(
      `helm install posthouse charts/posthouse --namespace ${release} --create-namespace --wait ${world.values.join(" ")} --set-json 'fleet.dnsAutomation=${grant}'`,
    );
    for (const tenant of [shop, blog]) await people.does("paul", "apply --filename=-", tenant);
    const inForce = async (): Promise<true | undefined> => {
      const [raised, listed] = await Promise.all([
        people.as("mallory", `${raise} --dry-run=server`),
        people.as("anna", `${inShop} get relaytenants`),
      ]);
      return (raised.code !== 0 && listed.code === 0) || undefined;
    };
    await until("the policy is in force, and the tenants' role is part of edit", inForce, 60_000);
  }, patience);
  afterAll(() => world.close());

  const rulesOf = (person: string, namespace: string): Promise<string> =>
    world.shell(`kubectl auth can-i --list --namespace=${namespace} --as=${person} | sort`);
  const anna = (command: string, input?: string): Promise<string> => people.does("anna", `${inShop} ${command}`, input);
  const annaWaits = (what: string): Promise<string> => anna(`wait --timeout=120s --for=${what}`);
  const apiKey = async (): Promise<string> =>
    Buffer.from(await anna("get secret shop-production-web --output=jsonpath={.data.password}"), "base64").toString();
  /** Waits until the relay answers so to a message of the application that has this key. */
  const isAnswered = (key: string, wanted: RegExp): Promise<true> => {
    const look = async (): Promise<true | undefined> => {
      const { client } = await loggedIn(await serviceAddress(controlPlane(), release), key);
      const reply = await client.say("MAIL FROM:<orders@shop.example>");
      client.close();
      return wanted.test(reply) || undefined;
    };
    const refusal = (error: unknown): true | undefined => wanted.test(String(error)) || undefined;
    return until(`mail is answered with ${wanted}`, () => look().catch(refusal));
  };

  describe("a tenant's user", () => {
    test("claims a domain, reads what to publish and sees it verified", { timeout: patience }, async () => {
      await anna("apply --filename=-", example("domain"));
      await annaWaits("condition=Ready relaytenant/shop sendingdomain/shop-example");
      const zone = await anna(String.raw`get configmap shop-example-dns --output=jsonpath={.data.records\.zone}`);
      expect(zone).toContain("._domainkey");
      const { status } = JSON.parse(await anna("get sendingdomain shop-example --output=json")) as {
        status: { records: readonly { fqdn: string; value: string }[] };
      };
      world.zone.publish(...status.records.map(({ fqdn, value }) => ({ name: fqdn, type: "TXT" as const, value })));
      await annaWaits("condition=DNSVerified sendingdomain/shop-example");
      await annaWaits("jsonpath={.status.dkim.keys[1].state}=Active sendingdomain/shop-example");
    });

    test("reads its credential, rotates it and throws it away", { timeout: patience }, async () => {
      const first = await apiKey();
      await anna("annotate relaytenant shop --overwrite posthouse.dev/rotate=production/web=1");
      const handled = `{.status.environments[?(@.name=="production")].credentials[0].lastHandledRotation}`;
      await annaWaits(`jsonpath=${handled}=1 relaytenant/shop`);
      const second = await apiKey();
      await anna("delete secret shop-production-web");
      await annaWaits("create secret/shop-production-web");
      const third = await apiKey();
      expect(new Set([first, second, third]).size).toBe(3);
      for (const key of [first, second, third]) expect(await isAnswered(key, /^250/)).toBe(true);
      await anna(patch({ revokedKeyIds: [first.split("_")[1]] }));
      expect(await isAnswered(first, /\n535 /)).toBe(true);
    });

    test("switches its sending off and on again", { timeout: patience }, async () => {
      const key = await apiKey();
      for (const [sending, state, reply] of [
        ["Disabled", "Disabled", /^550 5\.7\.1/],
        ["Enabled", "Active", /^250/],
      ] as const) {
        await anna(patch({ sending }));
        await annaWaits(`jsonpath={.status.sending.state}=${state} relaytenant/shop`);
        expect(await isAnswered(key, reply)).toBe(true);
      }
    });

    test("rotates DKIM keys, and has records published", { timeout: patience }, async () => {
      await anna("annotate sendingdomain shop-example posthouse.dev/rotate=1 --overwrite");
      await anna(apply, claim("automated", "dns: {publish: ExternalDNS}"));
      await annaWaits("jsonpath={.status.dkim.lastHandledRotation}=1 sendingdomain/shop-example");
      await annaWaits("condition=Ready sendingdomain/automated-example");
      expect(await world.shell(`kubectl ${inShop} get dnsendpoints --output=name`)).toContain("/automated-example-dns");
    });

    test("offers a key of its own, and drops the claim", { timeout: patience }, async () => {
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const stringData = { privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) };
      const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "old-key" }, stringData };
      await anna(apply, JSON.stringify(secret));
      await anna(apply, claim("moved", "dkim: {import: {selector: legacy, secretRef: {name: old-key}}}"));
      await annaWaits(
        `jsonpath={.status.conditions[?(@.type=="Ready")].reason}=SecretNotOffered sendingdomain/moved-example`,
      );
      await anna("label secret old-key posthouse.dev/use=dkim-import");
      await annaWaits(
        `jsonpath={.status.dkim.keys[?(@.selector=="legacy")].origin}=Imported sendingdomain/moved-example`,
      );
      expect(await anna("delete sendingdomain moved-example")).toContain("deleted");
    });

    test("sees what happened", { timeout: patience }, async () => {
      const told = (reason: string): Promise<true> =>
        until(`an Event tells of ${reason}`, async () =>
          (await anna(`get events --output=name --field-selector=reason=${reason}`)) === "" ? undefined : true,
        );
      await Promise.all(["KeyAllotted", "OwnershipProven", "CredentialIssued"].map(told));
      expect(await anna("describe sendingdomain shop-example")).toMatch(/Normal +KeyAllotted/);
      expect(await anna("events --for=relaytenant/shop")).toMatch(/Normal +CredentialIssued/);
    });
  });

  test.each(allowed)("$who may $what", { timeout: patience }, async ({ who, command, input }) => {
    expect(await people.as(who, command, input)).toMatchObject({ code: 0, stderr: "" });
  });

  test.each(refused)("$who may not $what", { timeout: patience }, async ({ who, command, input, complaint = /^$/ }) => {
    const path = `/api/v1/namespaces/${release}/secrets?labelSelector=posthouse.dev%2Fkey%3Ddkim`;
    const { items } = (await controlPlane().ask({ path })).body as { items: { metadata: { name: string } }[] };
    const { code, stdout, stderr } = await people.as(who, command.replace("KEY", items[0]!.metadata.name), input);
    expect([code, stdout, stderr]).toEqual([1, "", expect.stringMatching(complaint)]);
  });

  test("of other namespaces the chart opens nothing to a team", { timeout: patience }, async () => {
    for (const namespace of [release, "team-blog", "kube-system"])
      expect(await rulesOf("anna", namespace)).toBe(await rulesOf("a-stranger", namespace));
    expect(await rulesOf("anna", "team-shop")).toMatch(/^sendingdomains\.posthouse\.dev .*create/m);
  });

  test("who is impersonated is judged, not who impersonates", { timeout: patience }, async () => {
    const { code, stderr } = await controlPlane().run("kubectl", [...raise.split(" "), "--as=anna"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("anna may not update relaytenants/allowance")]);
    const asked = "auth can-i update relaytenants --subresource=allowance --namespace team-shop --as".split(" ");
    expect(rbacGuide).toContain(`$ kubectl ${asked.join(" ")} anna\nno\n`);
    for (const [person, answer] of [
      ["anna", "no\n"],
      ["paul", "yes\n"],
    ] as const)
      expect(await controlPlane().run("kubectl", [...asked, person])).toMatchObject({ stdout: answer });
  });

  test("the platform raises the allowance that nobody else has changed", { timeout: patience }, async () => {
    const limit = "--output=jsonpath={.spec.allowance.credits.amount}{.status.credits.limit}";
    expect(await anna(`get relaytenant shop ${limit}`)).toBe("1200012000");
    await people.does("paul", allowance({ credits: { amount: 20_000 } }));
    await annaWaits("jsonpath={.status.credits.limit}=20000 relaytenant/shop");
  });
});
