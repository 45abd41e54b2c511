import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { admit } from "../../crds/admit.ts";
import { committedText, customKinds } from "../../crds/committed.ts";
import { withControlPlane } from "../harness/with-control-plane.ts";

/** In ms: a loaded machine takes its time. */
const patience = 120_000;
const controlPlane = withControlPlane({ crds: true });
const folder = new URL("../fixtures/manifests/", import.meta.url).pathname;

interface Fixture {
  readonly file: string;
  readonly path: string;
  readonly rule: string;
  /** Of two, the first stands and the second is its update. */
  readonly documents: readonly Manifest[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata?: { readonly name: string; readonly namespace?: string };
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

/** How the API server words what a keyword of the schema forbids. */
const words: Readonly<Record<string, RegExp>> = {
  enum: /: Unsupported value: /,
  format: /must be of type date-time/,
  maxItems: /: Too many: /,
  maxLength: /: Too long: /,
  maximum: /should be less than or equal to/,
  minItems: /should have at least/,
  minimum: /should be greater than or equal to/,
  pattern: /should match/,
  required: /: Required value/,
  type: /must be of type/,
  "unknown-field": /unknown field/,
  "x-kubernetes-list-type": /: Duplicate value: /,
};

/** What is wrong before an object meets its schema: kubectl or the decoder of `metadata` words it in its own way. */
const inOtherWords: Readonly<Record<string, RegExp>> = {
  "annotation-not-a-string.yaml": /cannot unmarshal number into Go struct field ObjectMeta\.metadata\.annotations/,
  "environments-map.yaml": /unknown field "spec\.environments\.production"/,
  "label-key.yaml": /metadata\.labels: Invalid value: "no spaces"/,
  "label-not-a-string.yaml": /cannot unmarshal bool into Go struct field ObjectMeta\.metadata\.labels/,
  "label-value.yaml": /metadata\.labels: Invalid value: "a b"/,
  "name-number.yaml": /cannot unmarshal number into Go struct field ObjectMeta\.metadata\.name/,
  "name-too-long.yaml": /metadata\.name: Invalid value: .*must be no more than 253/,
  "name-upper-case.yaml": /metadata\.name: Invalid value: .*a lowercase RFC 1123 subdomain/,
  "namespace-with-dot.yaml": /namespaces "team\.shop" not found/,
  "no-api-version.yaml": /error validating data: apiVersion not set/,
  "no-kind.yaml": /error validating data: kind not set/,
  "no-metadata.yaml": /metadata\.name: Required value/,
  "unknown-kind.yaml": /no matches for kind "RelayTennant"/,
  "unknown-version.yaml": /no matches for kind "RelayTenant" in version "posthouse\.dev\/v1"/,
};

/** What an error must say: the fixture's path, with its rule in the API server's words or with our message. */
function expectedOf({ file, path, rule, documents }: Fixture): RegExp {
  const otherwise = inOtherWords[file];
  if (otherwise !== undefined) return otherwise;
  if (rule === "unknown-field") return new RegExp(`unknown field "${RegExp.escape(path)}"`);
  const at = `(^|[\\s[])${RegExp.escape(path)}`;
  const word = words[rule];
  if (word !== undefined) return new RegExp(`${at}(?=: )[^]*${word.source}`);
  const [first, second] = documents;
  const verdict = second === undefined ? admit(first) : admit(second, first);
  const [problem] = "problems" in verdict ? verdict.problems : [];
  return new RegExp(`${at}: Invalid value: .*${RegExp.escape(problem?.message ?? "nothing is wrong")}`);
}

/** The arguments that hand kubectl every fixture that is no update. */
const filesOf = (verdict: "good" | "bad", fixtures: readonly Fixture[]): string[] =>
  fixtures.filter((each) => !isUpdate(each)).flatMap(({ file }) => ["-f", `${folder}${verdict}/${file}`]);

describe("the API server with fieldValidation=Strict, as kubectl sends it", { timeout: patience }, () => {
  let created = "";
  let refused = "";

  beforeAll(async () => {
    const { run } = controlPlane();
    for (const namespace of ["team-shop", "before-and-after"]) await run("kubectl", ["create", "namespace", namespace]);
    const args = ["create", "--dry-run=server", "--validate=strict", ...filesOf("good", good), ...filesOf("bad", bad)];
    ({ stdout: created, stderr: refused } = await run("kubectl", args));
  }, patience);

  /** What kubectl said of a file: from its name to the name of the next. */
  const saidOf = (file: string): string => refused.split(`bad/${file}"`)[1]?.split(folder)[0] ?? "";

  test("accepts every good manifest, and what users say in a status is not heard", () => {
    expect(refused).not.toContain(`${folder}good/`);
    const accepted = [...good.filter((each) => !isUpdate(each)), ...bad.filter(isStatus)];
    expect(created.trim().split("\n")).toHaveLength(accepted.length);
  });

  test.each(bad.filter((each) => !isUpdate(each) && !isStatus(each)))(
    "refuses bad/$file with the same path and rule",
    (fixture) => {
      expect(saidOf(fixture.file)).toMatch(expectedOf(fixture));
    },
  );

  test.each([...good, ...bad].filter(isUpdate))("says the same of the update in $file", async (fixture) => {
    const { run } = controlPlane();
    const apply = (document: Manifest | undefined) => {
      const metadata = { ...document?.metadata, namespace: "before-and-after" };
      return run("kubectl", ["apply", "-f", "-"], JSON.stringify({ ...document, metadata }));
    };
    const [before, after] = fixture.documents;
    expect(await apply(before)).toMatchObject({ code: 0, stderr: "" });
    const { code, stderr } = await apply(after);
    await run("kubectl", ["delete", "relaytenants,sendingdomains", "--all", "--namespace=before-and-after"]);
    expect(code).toBe(fixture.rule === "" ? 0 : 1);
    expect(stderr).toMatch(fixture.rule === "" ? /^$/ : expectedOf(fixture));
  });

  test.each(bad.filter(isStatus))("says the same of the status in $file", async (fixture) => {
    const { ask, namespace } = controlPlane();
    const path = `/apis/posthouse.dev/v1alpha1/namespaces/${await namespace()}/sendingdomains`;
    const [document] = fixture.documents;
    const { namespace: _, ...metadata } = document!.metadata!;
    const { code } = await ask({ method: "POST", path, body: { ...document, metadata } });
    expect(code).toBe(201);
    const answer = await ask({
      method: "PATCH",
      path: `${path}/${metadata.name}/status`,
      contentType: "application/merge-patch+json",
      query: { fieldValidation: "Strict" },
      body: { status: document!.status },
    });
    expect((answer.body as { message: string }).message).toMatch(expectedOf(fixture));
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
