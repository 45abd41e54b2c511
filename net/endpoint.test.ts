import { describe, expect, test } from "vitest";
import { endpointText, parseEndpoint } from "./endpoint.ts";

describe("parseEndpoint", () => {
  test.each([
    ["192.0.2.1:5353", "192.0.2.1:5353"],
    ["192.0.2.1", "192.0.2.1:53"],
    ["[2001:db8::1]:5353", "[2001:db8::1]:5353"],
    ["[2001:db8::1]", "[2001:db8::1]:53"],
    ["2001:db8::1", "[2001:db8::1]:53"],
  ])("%s reads as %s", (text, want) => expect(endpointText(parseEndpoint(text, 53))).toBe(want));

  test.each(["", "localhost:53", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2:53", "[fe80::1%eth0]:53", "fe80::1%eth0"])(
    "%s is refused",
    (text) => expect(() => parseEndpoint(text, 53)).toThrow(RangeError),
  );
});
