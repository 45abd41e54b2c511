import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { becomes, has, writingEnds } from "../harness/custom-resources.ts";
import { argoCd, canRunLua, flux, type Kind, type Seen, type Status } from "../harness/gitops.ts";
import { operatorRelease, startOperatorProcess, type OperatorProcess } from "../harness/operator-process.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";
import { startZoneServer, type ZoneServer } from "../harness/zone-server.ts";

/** In ms: a loaded machine takes its time. */
const patience = 400_000;
const quickstart = fileURLToPath(new URL("../../docs/examples/quickstart", import.meta.url));
const team = "team-shop";
const places = {
  RelayTenant: `relaytenants/${team}/shop`,
  SendingDomain: `sendingdomains/${team}/shop-example`,
} as const;
const plane = withControlPlane({ crds: true });
let zone: ZoneServer;
let release: Awaited<ReturnType<typeof operatorRelease>>;
let operator: OperatorProcess | undefined;
let chart: string;

interface Read extends Seen {
  readonly metadata: Seen["metadata"] & {
    readonly resourceVersion: string;
    readonly managedFields: readonly { readonly manager: string; readonly subresource?: string }[];
  };
}

const pathOf = (kind: Kind): string => {
  const [plural, namespace, name] = places[kind].split("/");
  return `/apis/posthouse.dev/v1alpha1/namespaces/${namespace}/${plural}/${name}`;
};

async function read(kind: Kind): Promise<Read> {
  const { code, body } = await plane().ask({ path: pathOf(kind) });
  expect(code).toBe(200);
  return body as Read;
}

const readBoth = async (): Promise<readonly (readonly [Kind, Read])[]> => [
  ["RelayTenant", await read("RelayTenant")],
  ["SendingDomain", await read("SendingDomain")],
];

const versions = async () => (await readBoth()).map(([, { metadata }]) => metadata.resourceVersion);

/** What both kinds were in turn, for Argo CD to judge in the end: that takes an interpreter which not every machine has. */
const states: (readonly [Kind, Seen, RegExp])[] = [];

/** What Flux makes of both kinds as the API server has them; and what Argo CD is to make of them, `Health: message`, is kept. */
async function judged(tenant: RegExp, domain = tenant): Promise<Readonly<Record<Kind, Status>>> {
  const [RelayTenant, SendingDomain] = await Promise.all([read("RelayTenant"), read("SendingDomain")]);
  states.push(["RelayTenant", RelayTenant, tenant], ["SendingDomain", SendingDomain, domain]);
  return { RelayTenant: flux("RelayTenant", RelayTenant), SendingDomain: flux("SendingDomain", SendingDomain) };
}

const both = (status: Status): Readonly<Record<Kind, Status>> => ({ RelayTenant: status, SendingDomain: status });

async function change(kind: Kind, body: object): Promise<void> {
  const answer = await plane().ask({
    method: "PATCH",
    path: pathOf(kind),
    contentType: "application/merge-patch+json",
    body,
  });
  expect(answer.code).toBe(200);
}

const waitFor = (kind: Kind, type: string, expected: string): Promise<unknown> =>
  becomes(plane(), places[kind], has(type, expected), () => operator?.output() ?? "");

const template = (kind: Kind, spec: object): string =>
  stringify({ apiVersion: "posthouse.dev/v1alpha1", kind, metadata: { name: "books" }, spec });

/** Both kinds in a chart, which helm waits for by kstatus. */
async function writeChart(): Promise<string> {
  const folder = join(plane().folder, "mail");
  await mkdir(join(folder, "templates"), { recursive: true });
  const files = {
    "Chart.yaml": stringify({ apiVersion: "v2", name: "mail", version: "0.1.0" }),
    "templates/tenant.yaml": template("RelayTenant", {
      allowance: { plan: "{{ .Values.plan }}", credits: { type: "Recurring", amount: 10, reset: "Monthly" } },
      environments: [{ name: "production", mode: "Capture" }],
    }),
    "templates/domain.yaml": template("SendingDomain", {
      domain: "books.example",
      tenantRef: { name: "books" },
      dns: { publish: "Report" },
    }),
    "values.yaml": stringify({ plan: "Pro" }),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const helm = (timeout: string, ...args: readonly string[]) =>
  plane().run("helm", ["upgrade", "--install", "mail", chart, "-n", team, "--wait", "--timeout", timeout, ...args]);

const apply = () => plane().run("kubectl", ["apply", "--server-side", "-f", quickstart]);

async function startOperator(): Promise<void> {
  const servers = { resolvers: [zone.address], authorities: [{ zone: "example", servers: [zone.address] }] };
  const pace = { activationDelay: "0s", checkInterval: "2s", missingInterval: "1s", missingIntervalMax: "3s" };
  release = await operatorRelease(plane());
  operator = await startOperatorProcess(plane(), release, { hostname: "relay.example", dns: { ...servers, ...pace } });
  await operator.ready("leading");
}

beforeAll(async () => {
  zone = await startZoneServer({
    zones: ["example", "shop.example"].map((name) => ({ name, ttl: 1, minimum: 1 })),
  });
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: team } };
  await plane().ask({ method: "POST", path: "/api/v1/namespaces", body });
  chart = await writeChart();
}, patience);
afterAll(async () => {
  operator?.signal("SIGKILL");
  await operator?.ended();
  await zone.close();
}, patience);

// Each goes on where the one before it left off.
describe("on an API server", () => {
  test("what nobody has looked at is in progress, and a wait for it ends in vain", { timeout: patience }, async () => {
    expect(await apply()).toMatchObject({ code: 0 });
    expect(await judged(/^Progressing: Posthouse has not looked at it yet$/)).toEqual(both("InProgress"));
    const waited = await helm("3s");
    expect(waited).toMatchObject({ code: 1 });
    expect(waited.stderr).toMatch(/RelayTenant.*InProgress|InProgress.*RelayTenant/s);
    expect(waited.stderr).toMatch(/SendingDomain.*InProgress|InProgress.*SendingDomain/s);
  });

  test("a wait ends when both are ready, with nothing in DNS", { timeout: patience }, async () => {
    await startOperator();
    expect(await helm("120s")).toMatchObject({ code: 0 });
    await waitFor("RelayTenant", "Ready", "True/Reconciled");
    await waitFor("SendingDomain", "DNSVerified", "False/RecordMissing");
    expect(await judged(/^Healthy: /, /^Healthy: .*s\d{4}q\d\._domainkey/)).toEqual({
      RelayTenant: "Current",
      SendingDomain: "InProgress",
    });
  });

  test("with its records in DNS a domain is current by the expressions too", { timeout: patience }, async () => {
    const { records = [] } = await becomes(
      plane(),
      places.SendingDomain,
      ({ records: all }) => all !== undefined,
      String,
    );
    zone.publish(...records.map(({ fqdn, value }) => ({ name: fqdn, type: "TXT" as const, value })));
    await waitFor("SendingDomain", "DNSVerified", "True/RecordsValid");
    // No relay runs here that could tell of credits.
    expect(await judged(/^Healthy: The relays/, /^Healthy: Everything/)).toEqual(both("Current"));
  });

  test("a second apply differs in nothing, meets no conflict and changes nothing", { timeout: patience }, async () => {
    await writingEnds(plane(), release.namespace, "posthouse-operator");
    const before = await versions();
    expect(await plane().run("kubectl", ["diff", "--server-side", "-f", quickstart])).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect(await apply()).toMatchObject({ code: 0, stderr: "" });
    expect(await versions()).toEqual(before);
    for (const [, { metadata }] of await readBoth())
      expect(metadata.managedFields.map(({ manager, subresource = "" }) => `${manager} ${subresource}`)).toEqual([
        "kubectl ",
        "posthouse status",
      ]);
  });

  test("what is stalled is degraded and failed, and a wait for it fails", { timeout: patience }, async () => {
    await change("RelayTenant", { spec: { allowance: { plan: "None" } } });
    await change("SendingDomain", { spec: { dkim: { revokedSelectors: ["none"] } } });
    await waitFor("RelayTenant", "Stalled", "True/UnknownPlan");
    await waitFor("SendingDomain", "Stalled", "True/SelectorUnknown");
    expect(await judged(/^Degraded: .*plan/, /^Degraded: .*revokedSelectors/)).toEqual(both("Failed"));
    const waited = await helm("5s", "--set", "plan=None");
    expect(waited).toMatchObject({ code: 1 });
    expect(waited.stderr).toMatch(/RelayTenant.*Failed|Failed.*RelayTenant/s);
  });

  test("who is suspended is healthy, and it is said", { timeout: patience }, async () => {
    await change("RelayTenant", { spec: { allowance: { plan: "Pro", standing: "Suspended" } } });
    await change("SendingDomain", { spec: { dkim: { revokedSelectors: null } } });
    await waitFor("RelayTenant", "SendingAllowed", "False/SuspendedByPlatform");
    await waitFor("SendingDomain", "Ready", "True/Reconciled");
    expect(await judged(/^Healthy: .*uspended/, /^Healthy: /)).toEqual(both("Current"));
  });

  test("what was changed or deleted and not looked at again is in progress", { timeout: patience }, async () => {
    operator?.signal("SIGKILL");
    await operator?.ended();
    await change("RelayTenant", { spec: { allowance: { standing: "Normal" } } });
    await change("SendingDomain", { spec: { dmarc: { policy: "Reject" } } });
    expect(await judged(/^Progressing: Posthouse has not looked at the change yet$/)).toEqual(both("InProgress"));
    for (const kind of ["RelayTenant", "SendingDomain"] as const) {
      await change(kind, { metadata: { finalizers: ["example.com/hold"] } });
      await plane().ask({ method: "DELETE", path: pathOf(kind) });
    }
    expect(await judged(/^Progressing: It is being deleted$/)).toEqual(both("InProgress"));
  });

  test.skipIf(!canRunLua)("Argo CD sees the health of every one of these states", () => {
    const healths = argoCd(...states.map(([kind, object]) => [kind, object] as const));
    expect(healths).toEqual(states.map(([, , health]) => expect.stringMatching(health)));
    expect(healths.length).toBeGreaterThanOrEqual(14);
  });
});
