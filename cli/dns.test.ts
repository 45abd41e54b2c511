import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CustomObject } from "../cluster/object.ts";
import type { RecordStatus, SendingDomainStatus } from "../crds/sending-domain.ts";
import { formats, type FormatName } from "../operator/hand-over/formats.ts";
import { showDns } from "./dns.ts";
import { showFleetDns } from "./fleet-dns.ts";
import type { Terminal } from "./terminal.ts";
import { testFolders, type TestFolders } from "../test/harness/folder.ts";
import { posthouse, type Finished } from "../test/harness/posthouse.ts";
import { readHcl } from "../test/harness/read-hcl.ts";
import { readZoneFile } from "../test/harness/read-zone-file.ts";
import { startZoneServer, type ZoneServer } from "../test/harness/zone-server.ts";

const at = "2026-11-22T12:00:00Z";
const key = `v=DKIM1; k=rsa; p=${"A".repeat(300)}`;

function record(purpose: RecordStatus["purpose"], more: Partial<RecordStatus> & { fqdn: string }): RecordStatus {
  return { purpose, type: "TXT", name: "@", value: `v of ${purpose}`, verdict: "Valid", verdictSince: at, ...more };
}

/** The status of a claim: all there but what `more` says otherwise. */
function statusOf(domain: string, proven: boolean, more: readonly RecordStatus[] = []): SendingDomainStatus {
  const dkim = { selector: "s1", algorithm: "RSA2048", state: "Active", fingerprint: "f", createdAt: at } as const;
  const name = "s1._domainkey";
  const records = [
    record("DKIM", { fqdn: `${name}.${domain}`, name, value: key }),
    record("SPF", { fqdn: domain, value: "v=spf1 include:_spf.relay.example.net ~all" }),
    record("DMARC", { fqdn: `_dmarc.${domain}`, name: "_dmarc", value: "v=DMARC1; p=none" }),
  ];
  const replaced = records.map((each) => more.find(({ purpose }) => purpose === each.purpose) ?? each);
  const added = more.filter(({ purpose }) => !records.some((each) => each.purpose === purpose));
  const value = proven ? "True" : "False";
  const condition = {
    type: "OwnershipProven",
    status: value,
    reason: "R",
    message: "m",
    lastTransitionTime: at,
  } as const;
  return {
    observedGeneration: 1,
    conditions: [{ ...condition, observedGeneration: 1 }],
    dkim: { keys: [dkim] },
    records: [...replaced, ...added],
  };
}

const shop = statusOf("shop.example", true, [
  record("DMARCReport", { fqdn: "shop.example._report._dmarc.r.example", publishIn: "r.example", verdict: "Missing" }),
]);
/** The claim beside a key of before, at whose selector something else stands than should. */
function besideOld(domain: string, state: "Retired" | "Revoked"): SendingDomainStatus {
  const { records = [], dkim, ...status } = statusOf(domain, true);
  const keys = dkim?.keys ?? [];
  const name = "s0._domainkey";
  const old = record("DKIM", { fqdn: `${name}.${domain}`, name, verdict: "Mismatch" });
  return {
    ...status,
    dkim: { keys: [...keys.map((each) => ({ ...each, selector: "s0", state })), ...keys] },
    records: [old, ...records],
  };
}

const hostile = record("SPF", {
  fqdn: "bad.example",
  verdict: "NeedsMerge",
  value: 'v=spf1 "q" \\ ${x} %{y} ~all',
  observed: "v=spf1 \u001B[31m -all",
  explanation: "The fleet is not in the SPF record.",
});
const otherKey = record("DKIM", { fqdn: "s2._domainkey.mail.example.net", value: key });
const nameOf = ({ name, domain }: { readonly name?: string; readonly domain: string }): string =>
  name ?? domain.replaceAll(".", "-");
const claims: readonly {
  readonly namespace: string;
  readonly name?: string;
  readonly domain: string;
  readonly status?: SendingDomainStatus;
}[] = [
  { namespace: "team-shop", domain: "shop.example", status: shop },
  { namespace: "team-shop", domain: "bad.example", status: statusOf("bad.example", true, [hostile]) },
  { namespace: "team-shop", domain: "new.example" },
  { namespace: "team-shop", domain: "retired.example", status: besideOld("retired.example", "Retired") },
  { namespace: "team-shop", domain: "revoked.example", status: besideOld("revoked.example", "Revoked") },
  { namespace: "team-a", domain: "two.example", status: statusOf("two.example", false) },
  { namespace: "team-b", domain: "two.example", status: statusOf("two.example", true) },
  { namespace: "mail-platform", domain: "mail.example.net", status: statusOf("mail.example.net", true) },
  // Comes first by name, and holds nothing.
  {
    namespace: "mail-platform",
    name: "a-mail",
    domain: "mail.example.net",
    status: statusOf("mail.example.net", false, [otherKey]),
  },
];

let folders: TestFolders;
let zone: ZoneServer;
let fleet: string;
beforeAll(async () => {
  folders = testFolders();
  for (const claim of claims)
    await writeFile(
      join(folders.manifests, `${claim.namespace}-${nameOf(claim)}.yaml`),
      `apiVersion: posthouse.dev/v1alpha1
kind: SendingDomain
metadata: { namespace: ${claim.namespace}, name: ${nameOf(claim)} }
spec: { domain: ${claim.domain}, tenantRef: { name: shop } }
`,
    );
  const cluster = await folders.open();
  for (const object of cluster.list("SendingDomain")) await writeStatus(object);
  await cluster.close();

  async function writeStatus(object: CustomObject<"SendingDomain">): Promise<void> {
    const { namespace, name } = object.metadata;
    const status = claims.find((each) => each.namespace === namespace && nameOf(each) === name)?.status;
    if (status) await cluster.applyStatus({ ...object, status });
  }

  zone = await startZoneServer({
    zones: [{ name: "example.net" }, { name: "in-addr.arpa" }],
    records: [
      { name: "relay.example.net", type: "A", value: "192.0.2.1" },
      { name: "_spf.relay.example.net", type: "TXT", value: "v=spf1 ip4:192.0.2.1 -all" },
      { name: "1.2.0.192.in-addr.arpa", type: "PTR", value: "relay.example.net" },
      { name: "s1._domainkey.mail.example.net", type: "TXT", value: key },
      { name: "_dmarc.mail.example.net", type: "TXT", value: "v=DMARC1; p=none" },
    ],
  });
  fleet = join(folders.manifests, "..", "fleet.yaml");
  await writeFile(
    fleet,
    `hostname: relay.example.net
sharedDomain: { domain: mail.example.net, namespace: mail-platform }
dns: { resolvers: ["${zone.address}"] }
`,
  );
});
afterAll(async () => {
  await zone.close();
  await folders.close();
});

const dns = (...args: readonly string[]): Promise<Finished> => posthouse(["dns", ...args, "--state", folders.state]);

/** Runs a command in this process, which is quicker. */
async function inProcess(command: (terminal: Terminal) => Promise<number>, json = false): Promise<Finished> {
  const found = { stdout: "", stderr: "" };
  const code = await command({
    out: (line) => void (found.stdout += `${line}\n`),
    bytes: () => undefined,
    err: (line) => void (found.stderr += `${line}\n`),
    json,
    color: false,
  });
  return { code, ...found };
}
const show = (domain: string, format: FormatName = "text"): Promise<Finished> =>
  inProcess((terminal) => showDns(domain, { state: folders.state, format }, terminal), format === "json");
const showFleet = (file = fleet, json = false, state = folders.state): Promise<Finished> =>
  inProcess((terminal) => showFleetDns({ file, state }, terminal), json);

test.each<[string, string, FormatName, number, RegExp, RegExp]>([
  ["right records", "shop.example", "text", 0, /^shop\.example {2}SendingDomain team-shop\/shop-example/, /^$/],
  ["capitals and a dot", "SHOP.Example.", "text", 0, /^shop\.example/, /^$/],
  ["a wrong record", "bad.example", "text", 1, /why +The fleet is not in the SPF record/, /^$/],
  ["the record of a Retired key wrong", "retired.example", "text", 0, /^DKIM +Mismatch +s0/m, /^$/],
  ["a revoked key still offered", "revoked.example", "text", 1, /^DKIM +Mismatch +s0/m, /^$/],
  ["no status yet", "new.example", "text", 1, /^new\.example/, /^$/],
  ["no claim", "nobody.example", "text", 1, /^$/, /^no SendingDomain in .* claims nobody\.example; is `posthouse up`/],
  ["no claim, as JSON", "nobody.example", "json", 1, /^\[\]\n$/, /claims nobody\.example/],
  ["two claims", "two.example", "text", 0, /team-a\/two-example[^]*team-b\/two-example/, /^$/],
  [
    "two claims, for a zone",
    "two.example",
    "bind",
    0,
    /^; DNS records of two\.example/,
    /^2 SendingDomains claim the domain; these records are of team-b\/two-example\n$/,
  ],
])("posthouse dns: a domain with %s", async (...[, domain, format, code, stdout, stderr]) => {
  const found = await show(domain, format);
  expect(found.stdout).toMatch(stdout);
  expect(found.stderr).toMatch(stderr);
  expect(found.code).toBe(code);
});

test.each<[string, readonly string[], RegExp]>([
  [
    "a format that is none",
    ["shop.example", "--format", "xml"],
    /xml.*Allowed choices are text, bind, terraform, json, oct/,
  ],
  ["no domain", [], /name a domain, or say --fleet/],
  ["two domains", ["shop.example", "bad.example"], /too many arguments/],
  ["a domain and --fleet", ["shop.example", "--fleet"], /ask one at a time/],
  ["--fleet for a zone", ["--fleet", "--format", "bind"], /--fleet knows text and json, not bind/],
  ["a fleet file that is not there", ["--fleet", "/nowhere/fleet.yaml"], /cannot read the fleet file/],
])("posthouse dns cannot run with %s", async (_, args, stderr) => {
  const found = await dns(...args);
  expect(found).toMatchObject({ code: 2, stdout: "" });
  expect(found.stderr).toMatch(stderr);
});

test("posthouse dns: a state folder that is not there", async () => {
  const found = await posthouse(["dns", "shop.example", "--state", join(folders.state, "none")]);
  expect(found).toMatchObject({ code: 2, stdout: "" });
  expect(found.stderr).toMatch(/run posthouse up first, or name another folder/);
});

test.each<[FormatName, string, number]>([
  ["bind", "shop.example", 0],
  ["terraform", "shop.example", 0],
  ["octodns", "shop.example", 0],
  ["bind", "bad.example", 1],
  ["terraform", "bad.example", 1],
  ["octodns", "bad.example", 1],
])("--format %s of %s prints what the ConfigMap holds, and nothing else", async (format, domain, code) => {
  const { records = [] } = claims.find((each) => each.domain === domain)?.status ?? {};
  const found = await show(domain, format);
  expect(found).toEqual({ code, stdout: formats[format].write({ domain, records }), stderr: "" });
});

test("what a zone file and HCL say, other parsers read back", async () => {
  const records = readZoneFile((await show("bad.example", "bind")).stdout);
  const value = Buffer.from(hostile.value, "latin1").toString("hex");
  expect(records.find(({ name }) => name === "bad.example")?.strings).toEqual([value]);
  expect(records.find(({ name }) => name.startsWith("s1."))?.strings.map((part) => part.length / 2)).toEqual([255, 63]);
  const blocks = readHcl((await show("bad.example", "terraform")).stdout);
  expect(blocks.map(({ attributes }) => attributes["name"])).toEqual(["s1._domainkey", undefined, "_dmarc"]);
});

test("--json is --format json: every claim, with what is handed over", async () => {
  const found = await dns("two.example", "--json");
  const parsed = JSON.parse(found.stdout) as { namespace: string; handOver: { records: { strings: string[] }[] } }[];
  expect(parsed.map(({ namespace }) => namespace)).toEqual(["team-a", "team-b"]);
  expect(parsed[0]?.handOver.records[0]?.strings.map(({ length }) => length)).toEqual([255, 63]);
  expect(found).toEqual({ ...(await show("two.example", "json")), code: 0, stderr: "" });
});

describe("into a pipe", () => {
  test("no colour and no control character, whatever the environment and the zone say", async () => {
    vi.stubEnv("FORCE_COLOR", "1");
    vi.stubEnv("CI", "1");
    const found = [await dns("bad.example"), await dns("--fleet", fleet)].map(({ stdout }) => stdout).join("");
    vi.unstubAllEnvs();
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(found).not.toMatch(/[\0-\u0009\u000B-\u001F\u007F]/);
    expect(found).toMatch(/found +v=spf1 .* -all/);
  });
});

describe("posthouse dns --fleet", () => {
  test("all is right", async () => {
    const { code, stdout, stderr } = await showFleet();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ {2,}/).slice(0, 2).join(" ")),
    ).toEqual([
      "Valid SPF _spf.relay.example.net",
      "Valid EHLO relay.example.net",
      "Valid PTR 192.0.2.1",
      "Valid DKIM s1._domainkey.mail.example.net",
      "Valid DMARC _dmarc.mail.example.net",
    ]);
  });

  test("as JSON", async () => {
    const parsed = JSON.parse((await showFleet(fleet, true)).stdout) as { findings: { verdict: string }[] };
    expect(parsed).toMatchObject({ hostname: "relay.example.net", include: "_spf.relay.example.net" });
    expect(parsed.findings.map(({ verdict }) => verdict)).toEqual(Array.from({ length: 5 }, () => "Valid"));
  });

  test("the shared domain lost its record", async () => {
    zone.withdraw("s1._domainkey.mail.example.net");
    const { code, stdout } = await showFleet();
    zone.publish({ name: "s1._domainkey.mail.example.net", type: "TXT", value: key });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^Wrong +DKIM s1\._domainkey\.mail\.example\.net +The DKIM record is not published\. Publish /m,
    );
  });

  test("without a state folder nobody knows the keys of the shared domain", async () => {
    const { code, stdout } = await showFleet(fleet, false, join(folders.state, "none"));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Unknown +DKIM mail\.example\.net .*--state/m);
  });

  test("a state folder without a claim of it", async () => {
    const other = join(folders.manifests, "..", "other.yaml");
    await writeFile(
      other,
      `sharedDomain: { domain: shop.example, namespace: elsewhere }\ndns: { resolvers: ["${zone.address}"] }\n`,
    );
    const { code, stdout } = await showFleet(other);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Wrong +DKIM shop\.example +No SendingDomain in the namespace elsewhere claims it/m);
  });
});
