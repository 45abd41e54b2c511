import { describe, expect, test } from "vitest";
import { boundTo } from "./fleet-environment.ts";
import { parseFleet } from "./fleet-file.ts";

const read = parseFleet("listeners: [{name: a, port: 1}, {name: b, port: 2, host: 127.0.0.9}]\nadmin: {host: '::'}");
if (!("fleet" in read)) throw new Error("the fleet file of the test is wrong");
const { fleet } = read;

describe("the address to listen on", () => {
  test.each([
    ["is the fleet file's without the variable", undefined, [undefined, "127.0.0.9"], "::"],
    ["is the fleet file's with an empty one", "", [undefined, "127.0.0.9"], "::"],
    [
      "is the variable's for listeners without a host, and for the admin port",
      "10.1.2.3",
      ["10.1.2.3", "127.0.0.9"],
      "10.1.2.3",
    ],
    ["may be of IPv6", "fd00::7", ["fd00::7", "127.0.0.9"], "fd00::7"],
  ])("%s", (_what, address, hosts, admin) => {
    const bound = boundTo(fleet, address);
    expect(bound.listeners.map(({ host }) => host)).toEqual(hosts);
    expect(bound.admin.host).toBe(admin);
  });

  test("must be one", () => {
    expect(() => boundTo(fleet, "$(POD_IP)")).toThrow(/POSTHOUSE_BIND_ADDRESS is no IP address/);
  });
});
