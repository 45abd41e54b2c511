import { expect, test } from "vitest";
import { parseFleet } from "./fleet-file.ts";

test("an empty file is a fleet of defaults", () => {
  const result = parseFleet("");
  expect(result).toMatchObject({
    fleet: {
      hostname: "localhost",
      listeners: [{ port: 25 }, { port: 587, tls: "StartTLS" }, { port: 465, tls: "Implicit" }, { port: 2525 }],
      plans: { Starter: { namespaces: ["*"] }, Scale: { maxCredits: "Unlimited" } },
      dns: { mode: "Authoritative", activationDelay: "15m", checkInterval: "1h" },
      delivery: { port: 25, allowNetworks: [], maxAge: "72h" },
      capture: { retention: "168h" },
    },
  });
});

const bad: readonly [what: string, text: string, where: string, message: RegExp][] = [
  ["broken YAML", "hostname: [", "1:12", /./],
  [
    "an unknown field",
    "hostname: a.example\nlisteners:\n  - { name: a, prt: 25, port: 1 }",
    "3:21 listeners[0].prt",
    /no such field/,
  ],
  ["an unknown field at the top", "relays: {}", "1:9 relays", /no such field/],
  ["a wrong type", "delivery:\n  port: smtp", "2:9 delivery.port", /must be integer/],
  [
    "a wrong word",
    "listeners: [{ name: a, port: 1, tls: None }]",
    "1:38 listeners[0].tls",
    /one of StartTLS, Implicit/,
  ],
  ["a wrong duration", "dns:\n  timeout: 3 seconds", "2:12 dns.timeout", /such as 15m/],
  ["a port too high", "admin: { port: 70000 }", "1:16 admin.port", /<= 65535/],
  ["a missing field", "listeners: [{ port: 25 }]", "1:13 listeners[0]", /name/],
  ["a certificate without a key", "tls: { certificateFile: a.pem }", "1:6 tls", /keyFile/],
  ["a network that is none", "delivery: { allowNetworks: [300.0.0.0/8] }", "1:29 delivery.allowNetworks[0]", /CIDR/],
  ["a network of name servers that is none", "dns: { allowNetworks: [10.0.0.0] }", "1:24 dns.allowNetworks[0]", /CIDR/],
  [
    "a name server that is none",
    'dns: { authorities: [{ zone: a.example, servers: ["10.0.0.256"] }] }',
    "1:51 dns.authorities[0].servers[0]",
    /not an address/,
  ],
  ["a resolver that is none", 'dns: { resolvers: ["999.1.1.1:53"] }', "1:20 dns.resolvers[0]", /not an address/],
  [
    "a name that stands twice",
    "listeners: [{ name: a, port: 1 }, { name: a, port: 2 }]",
    "1:43 listeners[1].name",
    /already/,
  ],
  [
    "a host that is no address",
    "listeners: [{ name: a, port: 1, host: relay }]",
    "1:39 listeners[0].host",
    /IP address/,
  ],
  ["intervals in the wrong order", "dns: { missingIntervalMax: 1s }", "1:28 dns.missingIntervalMax", /less than/],
  [
    "a shared domain without its namespace",
    "sharedDomain: { domain: mail.example.net }",
    "1:15 sharedDomain",
    /namespace/,
  ],
  [
    "a shared domain in Unicode",
    "sharedDomain: { domain: möbel.example, namespace: a }",
    "1:25 sharedDomain.domain",
    /pattern/,
  ],
  [
    "a feature that nobody knows",
    "plans: { A: { maxCredits: 1, features: { dedicatedIp: true } } }",
    "1:55 plans.A.features.dedicatedIp",
    /no such field/,
  ],
  ["an interval of nothing", "dns: { checkInterval: 0s }", "1:6 dns", /longer than 0s/],
  ["a list instead of an object", "- 1", "1:1", /must be object/],
];
test.each(bad)("%s is reported with its line, column and path", (_what, text, where, message) => {
  const result = parseFleet(text);
  if ("fleet" in result) throw new Error("was taken");
  const found = result.problems.map(({ line, column, path }) => `${line}:${column}${path === "" ? "" : ` ${path}`}`);
  expect(found).toContain(where);
  expect(result.problems.map((problem) => problem.message).join("\n")).toMatch(message);
});

test("every mistake is reported, not only the first", () => {
  const result = parseFleet("hostname: UPPER\nadmin: { port: -1 }\nx: 1");
  expect(result).toMatchObject({ problems: [{ path: "x" }, { path: "hostname" }, { path: "admin.port" }] });
});
