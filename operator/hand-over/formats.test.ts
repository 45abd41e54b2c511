import fc from "fast-check";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { RecordStatus } from "../../crds/sending-domain.ts";
import { readHcl } from "../../test/harness/read-hcl.ts";
import { readZoneFile } from "../../test/harness/read-zone-file.ts";
import { formats, handOverFiles } from "./formats.ts";
import { resourceName } from "./terraform.ts";

const record = (more: Partial<RecordStatus> = {}): RecordStatus => ({
  purpose: "SPF",
  type: "TXT",
  fqdn: "example.com",
  name: "@",
  value: "v=spf1 include:_spf.relay.example.net ~all",
  verdict: "Missing",
  explanation: "The domain has no SPF record.",
  verdictSince: "2026-11-22T12:00:00Z",
  ...more,
});
const dkim = record({
  purpose: "DKIM",
  fqdn: "s2026q4._domainkey.example.com",
  name: "s2026q4._domainkey",
  value: `v=DKIM1; k=rsa; p=${"A".repeat(392)}`,
});
const report = record({
  purpose: "DMARCReport",
  fqdn: "example.com._report._dmarc.reports.example",
  name: "example.com._report._dmarc",
  publishIn: "reports.example",
  value: "v=DMARC1",
});
const handOver = { domain: "example.com", records: [dkim, record(), report] };

/** A TXT value as the octets that stand in DNS, in hex. */
const hex = (value: string): string =>
  Buffer.from(value, Array.from(value).every((each) => each <= "\u00FF") ? "latin1" : "utf8").toString("hex");

// What breaks writers: quotes, backslashes, ends of lines and comments, templates, octets beyond ASCII, long values.
const nasty = fc.constantFrom('"', "\\", "\n", "\r", "\t", "\0", ";", "${", "%{", "$", "%", "{", "}", "#", "(", ")", "\u2028", "\u0085", "é", "ÿ", "€", "😀", "\\010", '" "', "//", "/*", "~", "<<EOF"); // prettier-ignore
const hostile = fc.oneof(
  fc.array(fc.oneof(nasty, fc.string({ maxLength: 8 })), { maxLength: 60 }).map((parts) => parts.join("")),
  fc.string({ minLength: 250, maxLength: 800, unit: fc.constantFrom("a", '"', "\\", "é", "$", "{") }),
);
const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9])?$/);
const hostileRecords = fc.array(
  fc.record({ labels: fc.array(label, { maxLength: 3 }), value: hostile, explanation: hostile, foreign: fc.boolean() }),
  { maxLength: 6 },
);
type Hostile = typeof hostileRecords extends fc.Arbitrary<infer T> ? T : never;

function statusesOf(given: Hostile): RecordStatus[] {
  return given.map(({ labels, value, explanation, foreign }) => {
    const name = labels.length === 0 ? "@" : labels.join(".");
    const fqdn = [...labels, foreign ? "other.example" : "example.com"].join(".");
    return record({ name, fqdn, value, explanation, ...(foreign && { publishIn: "other.example" }) });
  });
}
const wanted = (records: readonly RecordStatus[]) =>
  records
    .filter(({ publishIn }) => publishIn === undefined)
    .map(({ fqdn, value }) => `${fqdn} ${hex(value)}`)
    .toSorted();

test("a zone file says the very same values to another parser", () => {
  fc.assert(
    fc.property(hostileRecords, (given) => {
      const records = statusesOf(given);
      const found = readZoneFile(formats.bind.write({ domain: "example.com", records }));
      expect(found.map(({ name, strings }) => `${name} ${strings.join("")}`).toSorted()).toEqual(wanted(records));
      expect(found.every(({ strings }) => strings.every((part) => part.length <= 510))).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("HCL says the very same values to another parser", () => {
  fc.assert(
    fc.property(hostileRecords, (given) => {
      const records = statusesOf(given);
      const found = readHcl(formats.terraform.write({ domain: "example.com", records })).flatMap(({ attributes }) => {
        const { name, zone, txt } = attributes;
        const fqdn = `${name === undefined ? "" : `${String(name)}.`}${String(zone)}`.slice(0, -1);
        // As the provider does it: the text stands between the quotes of a record, and is split only then.
        return [txt].flat().flatMap((each) => {
          const [read] = readZoneFile(`${fqdn}. 1 IN TXT "${String(each)}"\n`, 65_535);
          return `${fqdn} ${read?.strings.join("") ?? ""}`;
        });
      });
      expect(found.toSorted()).toEqual(wanted(records));
    }),
    { numRuns: 200 },
  );
});

test("octoDNS's YAML is written as the library would write it", () => {
  const ordinary = fc.stringMatching(/^(v=|_|[a-z])([a-z0-9 :;#="'._~-]|: | #){0,20}$/);
  const values = fc.uniqueArray(fc.oneof(ordinary, fc.constantFrom("true", "null", "y", "e1", "a:", "v=1 ")));
  fc.assert(
    fc.property(values, (given) => {
      const records = given.map((value) => record({ name: value, fqdn: value, value }));
      const body = formats.octodns.write({ domain: "example.com", records }).split("\n---\n")[1];
      const sets = given.map((value) => [value, { type: "TXT", ttl: 3600, values: [value.replaceAll(";", "\\;")] }]);
      expect(body).toBe(stringify(Object.fromEntries(sets), { lineWidth: 0 }));
    }),
    { numRuns: 500 },
  );
});

test("octoDNS's YAML and JSON say the very same values", () => {
  fc.assert(
    fc.property(hostileRecords, (given) => {
      // octoDNS knows no escape but that of a semicolon.
      const records = statusesOf(given.map((each) => ({ ...each, value: each.value.replaceAll("\\", "") })));
      const zone = parse(formats.octodns.write({ domain: "example.com", records })) as Record<
        string,
        { values: string[] }
      >;
      const inYaml = Object.entries(zone).flatMap(([name, { values }]) =>
        values.map((value) => `${name === "" ? "" : `${name}.`}example.com ${hex(value.replaceAll("\\;", ";"))}`),
      );
      expect(inYaml.toSorted()).toEqual(wanted(records));
      const listed = JSON.parse(formats.json.write({ domain: "example.com", records })) as {
        records: { value: string; strings: string[] }[];
      };
      expect(listed.records.map(({ value }) => value)).toEqual(records.map(({ value }) => value));
      expect(listed.records.map(({ strings }) => Buffer.from(strings.join(""), "latin1").toString("hex"))).toEqual(
        records.map(({ value }) => hex(value)),
      );
    }),
    { numRuns: 200 },
  );
});

test("no text of a record ends a line of the text for people", () => {
  fc.assert(
    fc.property(hostile, (value) => {
      const lines = formats.text.write({ domain: "example.com", records: [record({ value, observed: value })] });
      expect(lines.trimEnd().split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(6);
    }),
  );
});

test("names of resources differ where names differ", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "u", "x", "5", "f", ".", "-", "_"), maxLength: 8 }), (name) => {
      const read = resourceName(name).replace("posthouse_", "").replaceAll(/-u|--|_/g, (code) => ({ "-u": "_", "--": "-" })[code] ?? "."); // prettier-ignore
      expect(read).toBe(name);
    }),
  );
});

test("the files of a ConfigMap", () => {
  const files = handOverFiles(handOver);
  const key = dkim.value;
  expect(files["records.zone"]?.split("\n").filter((line) => !/^;|^$/.test(line))).toEqual([
    `s2026q4._domainkey.example.com. 3600 IN TXT "${key.slice(0, 255)}" "${key.slice(255)}"`,
    'example.com. 3600 IN TXT "v=spf1 include:_spf.relay.example.net ~all"',
  ]);
  const foreign = '3600 IN TXT "v=DMARC1"';
  for (const name of ["records.zone", "records.tf", "octodns.yaml"])
    expect(files[name]).toMatch(
      new RegExp(`^[;#] +example\\.com\\._report\\._dmarc\\.reports\\.example\\. ${foreign}$`, "m"),
    );
  expect(readHcl(files["records.tf"] ?? "")).toEqual([
    {
      type: "resource",
      labels: ["dns_txt_record_set", "posthouse_s2026q4_-udomainkey_example_com"],
      attributes: { zone: "example.com.", name: "s2026q4._domainkey", txt: [key], ttl: 3600 },
    },
    {
      type: "resource",
      labels: ["dns_txt_record_set", "posthouse_example_com"],
      attributes: { zone: "example.com.", txt: [handOver.records[1]?.value], ttl: 3600 },
    },
  ]);
  expect(parse(files["octodns.yaml"] ?? "")).toEqual({
    "s2026q4._domainkey": { type: "TXT", ttl: 3600, values: [key.replaceAll(";", "\\;")] },
    "": { type: "TXT", ttl: 3600, values: ["v=spf1 include:_spf.relay.example.net ~all"] },
  });
  expect(files["records.txt"]).toContain(`
SPF    Missing  example.com
    why      The domain has no SPF record.
    publish  @  TXT  "v=spf1 include:_spf.relay.example.net ~all"

DMARCReport  Missing  example.com._report._dmarc.reports.example
    why      The domain has no SPF record.
    publish  example.com._report._dmarc  TXT  "v=DMARC1"  in the zone of reports.example
`);
});
