import { Ajv } from "ajv";
import Type from "typebox";
import { describe, expect, test } from "vitest";
import { DnsConfig } from "./config.ts";

const validate = new Ajv({ useDefaults: true, allErrors: true, strict: true }).compile(Type.Object({ dns: DnsConfig }));

describe("the dns object of the fleet file", () => {
  test("has a default for everything", () => {
    const config = {};
    expect(validate(config)).toBe(true);
    expect(config).toEqual({
      dns: {
        mode: "Authoritative",
        resolvers: [],
        authorities: [],
        allowNetworks: [],
        timeout: "3s",
        activationDelay: "15m",
        checkInterval: "1h",
        missingInterval: "1m",
        missingIntervalMax: "15m",
      },
    });
  });

  test.each([
    [{ resolvers: ["127.0.0.1:5353", "[::1]:53", "192.0.2.1"], timeout: "200ms", activationDelay: "0s" }, undefined],
    [{ mode: "Authorities" }, "/dns/mode"],
    [{ resolvers: ["dns.example.com"] }, "/dns/resolvers/0"],
    [{ timeout: "3" }, "/dns/timeout"],
    [{ mode: "Resolvers", authorities: [{ zone: "example.com", servers: ["10.0.0.1", "[fd00::1]:53"] }] }, undefined],
    [{ authorities: [{ zone: "Example.com.", servers: ["10.0.0.1"] }] }, "/dns/authorities/0/zone"],
    [{ authorities: [{ zone: "example.com", servers: [] }] }, "/dns/authorities/0/servers"],
    [{ authorities: [{ zone: "example.com", servers: ["ns1.example.com"] }] }, "/dns/authorities/0/servers/0"],
    [{ resolver: [] }, "/dns"],
  ])("%j has a mistake at %s", (config, path) => {
    validate({ dns: config });
    expect(validate.errors?.[0]?.instancePath).toBe(path);
  });
});
