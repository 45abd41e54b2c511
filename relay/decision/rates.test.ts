import { expect, test } from "vitest";
import { domains, shop } from "../../test/harness/submission.ts";
import { buildDirectory, type Login } from "../directory.ts";
import { addressBlock, rateKind, rateLimitsOf } from "./rates.ts";

function login(changes: Partial<typeof shop>, rate?: { readonly perSecond: number }): Login {
  const environments = shop.environments.map((environment) => ({ ...environment, ...(rate && { rate }) }));
  const found = buildDirectory([{ ...shop, environments, ...changes }], domains).login("production00");
  if (found === undefined) throw new Error("no login");
  return found;
}

test("each limit that is set holds, under a key of its own that tells whose it is", () => {
  const rates = { tenant: { perSecond: 50, perDay: 1000 }, credential: { perDay: 7 } };
  const limits = rateLimitsOf(login({ rates }, { perSecond: 5 }), "::ffff:192.0.2.1", { perSecond: 3 });
  expect(limits).toEqual([
    { key: "tenant/team-shop/shop", perSecond: 50, perDay: 1000 },
    { key: "environment/team-shop/shop/production", perSecond: 5 },
    { key: "credential/team-shop/shop/production/production00", perDay: 7 },
    { key: "address/192.0.2.1", perSecond: 3 },
  ]);
  expect(limits.map(({ key }) => rateKind(key))).toEqual(["Tenant", "Environment", "Credential", "Address"]);
});

test.each([
  ["nothing is set", login({}), undefined],
  ["what is set is empty", login({ rates: { tenant: {} } }), {}],
])("no limit holds where %s", (_, found, perAddress) => {
  expect(rateLimitsOf(found, "192.0.2.1", perAddress)).toEqual([]);
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:1:2:ffff::", "2001:db8:1:2::/64"],
  ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
  ["::1", "::/64"],
  ["fe80::1%eth0", "fe80::/64"],
  ["", ""],
])("the address %s counts as %s", (address, block) => expect(addressBlock(address)).toBe(block));
