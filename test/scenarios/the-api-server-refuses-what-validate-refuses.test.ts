import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { committedText, customKinds } from "../../crds/committed.ts";
import { type Refusal, refusalsOf } from "../harness/api-refusal.ts";
import type { Answer } from "../harness/api-server-client.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

/** In ms: a loaded machine takes its time. */
const patience = 120_000;
const controlPlane = withControlPlane({ crds: true });
const folder = new URL("../fixtures/manifests/", import.meta.url).pathname;

interface Fixture extends Refusal {
  readonly file: string;
  /** Of two, the first stands and the second is its update. */
  readonly documents: readonly Manifest[];
}

interface Manifest {
  readonly kind?: string;
  readonly metadata?: { readonly name: string; readonly namespace?: string } | null;
  readonly status?: unknown;
}

const load = (verdict: "good" | "bad"): Fixture[] =>
  readdirSync(`${folder}${verdict}`).map((file) => {
    const text = readFileSync(`${folder}${verdict}/${file}`, "utf8");
    return {
      file,
      path: /^# path: (.*)$/m.exec(text)?.[1] ?? "",
      rule: /^# rule: (.*)$/m.exec(text)?.[1] ?? "",
      documents: parseAllDocuments(text).map((document) => document.toJS() as Manifest),
    };
  });
const good = load("good");
const bad = load("bad");
const isUpdate = ({ documents }: Fixture): boolean => documents.length > 1;
/** Posthouse writes the status; what manifests say of it the API server drops. */
const isStatus = ({ path }: Fixture): boolean => path.startsWith("status");

/** Where the API server says another path or another rule than the table, and why it must. */
const otherwise: Readonly<Record<string, Partial<Refusal> & { readonly because: string }>> = {
  "annotation-not-a-string.yaml": { path: "metadata.annotations", because: "its decoder does not say which" },
  "label-not-a-string.yaml": { path: "metadata.labels", because: "its decoder does not say which" },
  "label-key.yaml": { path: "metadata.labels", because: "it quotes the key, and names the map" },
  "label-value.yaml": { path: "metadata.labels", because: "it quotes the value, and names the map" },
  "environments-map-of-names.yaml": {
    path: "spec.environments.production",
    rule: "unknown-field",
    because: "unknown fields are looked for first, and a map in place of a list has nothing else",
  },
  "namespace-with-dot.yaml": { rule: "exists", because: "it looks for the namespace first, and there can be none" },
};

/** What the API server is to say of a fixture: nothing of a good one. */
function expectedOf({ file, path, rule }: Fixture): readonly Refusal[] {
  const other = otherwise[file];
  return rule === "" ? [] : [{ path: other?.path ?? path, rule: other?.rule ?? rule }];
}

/** Where objects of a kind are in a namespace; those of no kind of ours are sent to where tenants are. */
const placeOf = (kind: string | undefined, namespace: string): string =>
  `/apis/posthouse.dev/v1alpha1/namespaces/${namespace}/${kind === "SendingDomain" ? "sendingdomains" : "relaytenants"}`;

/** Has an object created, as kubectl does; nothing of it stays. */
function create(document: Manifest | undefined): Promise<Answer> {
  return controlPlane().ask({
    method: "POST",
    path: placeOf(document?.kind, document?.metadata?.namespace ?? "team-shop"),
    query: { fieldValidation: "Strict", dryRun: "All" },
    body: document,
  });
}

describe("the API server with fieldValidation=Strict, as kubectl sends it", { timeout: patience }, () => {
  beforeAll(async () => {
    for (const name of ["team-shop", "before-and-after"])
      await controlPlane().ask({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name } } });
  }, patience);

  test("accepts every good manifest from kubectl, which sends it so", async () => {
    const created = good.filter((each) => !isUpdate(each));
    const files = created.flatMap(({ file }) => ["-f", `${folder}good/${file}`]);
    const answer = await controlPlane().run("kubectl", ["create", "--dry-run=server", ...files, "-n", "team-shop"]);
    expect(answer).toMatchObject({ code: 0, stderr: "" });
    const sent = (await controlPlane().auditEvents()).filter(
      ({ verb, requestURI }) => verb === "create" && requestURI.startsWith("/apis/posthouse.dev/"),
    );
    expect(sent.map(({ requestURI }) => new URL(requestURI, "https://x").searchParams.get("fieldValidation"))).toEqual(
      created.map(() => "Strict"),
    );
  });

  test.each(bad.filter((each) => !isUpdate(each) && !isStatus(each)))(
    "refuses bad/$file with the same path and rule",
    async (fixture) => {
      const answer = await create(fixture.documents[0]);
      expect(refusalsOf(answer)).toEqual(expectedOf(fixture));
    },
  );

  test("lets no namespace be that the table refuses", async () => {
    const [manifest] = bad.find(({ file }) => file === "namespace-with-dot.yaml")!.documents;
    const body = { metadata: { name: manifest!.metadata!.namespace } };
    const answer = await controlPlane().ask({ method: "POST", path: "/api/v1/namespaces", body });
    expect(refusalsOf(answer)).toEqual([{ path: "metadata.name", rule: "pattern" }]);
  });

  test.each(Object.keys(otherwise))("says of bad/%s something else than the table", (name) => {
    const fixture = bad.find(({ file }) => file === name)!;
    expect(expectedOf(fixture)).not.toEqual([{ path: fixture.path, rule: fixture.rule }]);
  });

  test.each([...good, ...bad].filter(isUpdate))("says the same of the update in $file", async (fixture) => {
    const { ask } = controlPlane();
    const [before, after] = fixture.documents;
    const path = `${placeOf(before!.kind, "before-and-after")}/${before!.metadata!.name}`;
    const apply = (document: Manifest | undefined): Promise<Answer> =>
      ask({
        method: "PATCH",
        path,
        query: { fieldValidation: "Strict", fieldManager: "test" },
        contentType: "application/apply-patch+yaml",
        body: { ...document, metadata: { ...document?.metadata, namespace: "before-and-after" } },
      });
    expect((await apply(before)).code).toBe(201);
    const answer = await apply(after);
    await ask({ method: "DELETE", path });
    expect(refusalsOf(answer)).toEqual(expectedOf(fixture));
  });

  test.each(bad.filter(isStatus))("says the same of the status in $file", async (fixture) => {
    const { ask, namespace } = controlPlane();
    const [document] = fixture.documents;
    const path = placeOf(document!.kind, await namespace());
    const { namespace: _, ...metadata } = document!.metadata!;
    expect((await ask({ method: "POST", path, body: { ...document, metadata } })).code).toBe(201);
    const answer = await ask({
      method: "PATCH",
      path: `${path}/${metadata.name}/status`,
      contentType: "application/merge-patch+json",
      query: { fieldValidation: "Strict" },
      body: { status: document!.status },
    });
    expect(refusalsOf(answer)).toEqual(expectedOf(fixture));
  });
});

const long = (prefix: string, length: number): string => prefix.padEnd(length, "x");

const credentials = (environment: number) =>
  Array.from({ length: 8 }, (_, index) => ({
    name: long(`c${index}`, 63),
    secretName: long(`e${environment}c${index}`, 253),
    rotation: { schedule: "Interval", every: "99999h", overlap: "9999h" },
  }));

describe("the cost of the rules", { timeout: patience }, () => {
  /** Every rule twice, so that it costs twice as much. */
  const doubled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(doubled);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) =>
        key === "rule" && typeof each === "string" ? [key, `(${each}) && (${each})`] : [key, doubled(each)],
      ),
    );
  };

  test.each(customKinds)("is less than half of the API server's budget: %s", async (kind) => {
    const crd = doubled(parse(committedText(kind))) as Manifest;
    const answer = await controlPlane().ask({
      method: "PATCH",
      path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata!.name}`,
      query: { fieldManager: "test", force: "true", dryRun: "All" },
      contentType: "application/apply-patch+yaml",
      body: crd,
    });
    expect(answer).toMatchObject({ code: 200 });
  });

  test("leaves room for the largest tenant", async () => {
    const { ask, namespace } = controlPlane();
    const environments = Array.from({ length: 16 }, (_, index) => ({
      name: long(`e${index}`, 63),
      credentials: credentials(index),
    }));
    const answer = await ask({
      method: "POST",
      path: `/apis/posthouse.dev/v1alpha1/namespaces/${await namespace()}/relaytenants`,
      query: { fieldValidation: "Strict" },
      body: {
        apiVersion: "posthouse.dev/v1alpha1",
        kind: "RelayTenant",
        metadata: { name: "largest" },
        spec: { allowance: { plan: "Pro", credits: { type: "Unlimited" } }, environments },
      },
    });
    expect(answer).toMatchObject({ code: 201 });
  });
});
