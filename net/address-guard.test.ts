import { describe, expect, test } from "vitest";
import { addressGuard, type Refusal } from "./address-guard.ts";

interface Case {
  readonly address: string;
  readonly want: Refusal | undefined;
  readonly allow?: readonly string[];
}

const cases: readonly Case[] = [
  { address: "8.8.8.8", want: undefined },
  { address: "172.15.255.255", want: undefined },
  { address: "172.32.0.1", want: undefined },
  { address: "100.63.255.255", want: undefined },
  { address: "0.0.0.0", want: "Unspecified" },
  { address: "0.1.2.3", want: "Unspecified" },
  { address: "127.0.0.1", want: "Loopback" },
  { address: "127.255.255.254", want: "Loopback" },
  { address: "10.1.2.3", want: "Private" },
  { address: "172.16.0.1", want: "Private" },
  { address: "192.168.255.255", want: "Private" },
  { address: "169.254.169.254", want: "LinkLocal" },
  { address: "100.64.0.1", want: "SharedNAT" },
  { address: "192.0.2.1", want: "Documentation" },
  { address: "198.51.100.1", want: "Documentation" },
  { address: "203.0.113.9", want: "Documentation" },
  { address: "198.18.0.1", want: "Benchmarking" },
  { address: "198.19.255.255", want: "Benchmarking" },
  { address: "192.0.0.8", want: "Reserved" },
  { address: "192.88.99.1", want: "Reserved" },
  { address: "240.0.0.1", want: "Reserved" },
  { address: "224.0.0.1", want: "Multicast" },
  { address: "239.255.255.255", want: "Multicast" },
  { address: "255.255.255.255", want: "Broadcast" },

  { address: "2606:4700:4700::1111", want: undefined },
  { address: "2A00:1450:4001::1", want: undefined },
  { address: "::", want: "Unspecified" },
  { address: "::1", want: "Loopback" },
  { address: "0:0:0:0:0:0:0:1", want: "Loopback" },
  { address: "fe80::1", want: "LinkLocal" },
  { address: "fec0::1", want: "Reserved" },
  { address: "fd00::1", want: "UniqueLocal" },
  { address: "fc00::1", want: "UniqueLocal" },
  { address: "fd00:ec2::254", want: "UniqueLocal" },
  { address: "ff02::1", want: "Multicast" },
  { address: "2001:db8::1", want: "Documentation" },
  { address: "3fff::1", want: "Documentation" },
  { address: "2001:2::1", want: "Benchmarking" },
  { address: "2001:10::1", want: "Reserved" },
  { address: "100::1", want: "Reserved" },
  { address: "4000::1", want: "Reserved" },
  { address: "5f00::1", want: "Reserved" },

  { address: "::ffff:127.0.0.1", want: "EmbedsIPv4" },
  { address: "::ffff:8.8.8.8", want: "EmbedsIPv4" },
  { address: "::ffff:7f00:1", want: "EmbedsIPv4" },
  { address: "::127.0.0.1", want: "EmbedsIPv4" },
  { address: "::8.8.8.8", want: "EmbedsIPv4" },
  { address: "::ffff:0:127.0.0.1", want: "EmbedsIPv4" },
  { address: "64:ff9b::127.0.0.1", want: "EmbedsIPv4" },
  { address: "64:ff9b::8.8.8.8", want: "EmbedsIPv4" },
  { address: "64:ff9b:1::10.0.0.1", want: "EmbedsIPv4" },
  { address: "2002:7f00:1::1", want: "EmbedsIPv4" },
  { address: "2002:808:808::1", want: "EmbedsIPv4" },
  { address: "2001::1", want: "EmbedsIPv4" },
  { address: "2001:0:4136:e378:8000:63bf:3fff:fdd2", want: "EmbedsIPv4" },
  { address: "2606:4700::5efe:10.0.0.1", want: "Private" },
  { address: "2606:4700::200:5efe:127.0.0.1", want: "Loopback" },
  { address: "2606:4700::5efe:8.8.8.8", want: undefined },

  { address: "", want: "NotAnAddress" },
  { address: "localhost", want: "NotAnAddress" },
  { address: "127.1", want: "NotAnAddress" },
  { address: "0177.0.0.1", want: "NotAnAddress" },
  { address: "0x7f.0.0.1", want: "NotAnAddress" },
  { address: "2130706433", want: "NotAnAddress" },
  { address: "fe80::1%eth0", want: "NotAnAddress" },
  { address: "8.8.8.8%eth0", want: "NotAnAddress" },
  { address: "[::1]", want: "NotAnAddress" },

  { address: "127.0.0.1", allow: ["127.0.0.0/8"], want: undefined },
  { address: "::1", allow: ["::1/128"], want: undefined },
  { address: "::1", allow: ["127.0.0.0/8"], want: "Loopback" },
  { address: "10.1.2.3", allow: ["10.1.0.0/16"], want: undefined },
  { address: "10.2.2.3", allow: ["10.1.0.0/16"], want: "Private" },
  { address: "192.0.2.7", allow: ["192.0.2.7/32"], want: undefined },
  { address: "fd00::7", allow: ["fd00::/8"], want: undefined },
  { address: "::ffff:127.0.0.1", allow: ["127.0.0.0/8"], want: "EmbedsIPv4" },
  { address: "::ffff:127.0.0.1", allow: ["::ffff:0:0/96"], want: "Loopback" },
  { address: "::ffff:127.0.0.1", allow: ["::ffff:0:0/96", "127.0.0.0/8"], want: undefined },
  { address: "64:ff9b::8.8.8.8", allow: ["64:ff9b::/96"], want: undefined },
  { address: "64:ff9b::169.254.169.254", allow: ["64:ff9b::/96"], want: "LinkLocal" },
  { address: "64:ff9b:1::10.0.0.1", allow: ["64:ff9b:1::/48"], want: "Private" },
  { address: "64:ff9b:1:a00:0:100::", allow: ["64:ff9b:1::/48"], want: "Unspecified" },
  { address: "2002:a00:1::1", allow: ["2002::/16"], want: "Private" },
  { address: "2002:808:808::1", allow: ["2002::/16"], want: undefined },
  { address: "2001:0:808:808:8000:0:80ff:fffe", allow: ["2001::/32"], want: "Loopback" },
  { address: "fd00::5efe:127.0.0.1", allow: ["fd00::/8"], want: "Loopback" },
];

describe("addressGuard", () => {
  test.each(cases)("$address with $allow is $want", ({ address, allow, want }) =>
    expect(addressGuard(allow ?? [])(address)).toBe(want),
  );

  test.each(["10.0.0.0", "10.0.0.0/33", "::/129", "localhost/8", "10.0.0.0/-1", "127.1/8", "10.0.0.0/8/8"])(
    "%s is not a network",
    (network) => expect(() => addressGuard([network])).toThrow(RangeError),
  );
});
