import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { zoneStrings } from "../../operator/hand-over/zone-file.ts";
import { knotd, startKnot, type Knot } from "../harness/knot.ts";
import { until } from "../harness/until.ts";
import { startWorld, type World } from "../harness/world.ts";

describe.skipIf(knotd === undefined)("a key signs when every name server shows it", () => {
  let primary: Knot;
  let secondary: Knot;
  let world: World;

  beforeAll(async () => {
    [primary, secondary] = await Promise.all([
      startKnot(knotd ?? "", "shop.example"),
      startKnot(knotd ?? "", "shop.example"),
    ]);
    world = await startWorld({ nameServers: [primary.text, secondary.text] });
  });
  afterAll(() => Promise.all([world.close(), primary.close(), secondary.close()]));

  /** The lines of a zone file for what the report asks for. */
  async function wanted(): Promise<readonly string[]> {
    const { records = [] } = await until("a report of three records or more", async () => {
      const found = await world.report();
      return (found.records?.length ?? 0) >= 3 ? found : undefined;
    });
    return records.map(({ fqdn, value }) => `${fqdn}. TXT ${zoneStrings(value)}`);
  }

  function condition(type: string, reason: string, message = /./): Promise<string> {
    return until(`${type} is ${reason}`, async () => {
      const found = (await world.report()).conditions?.find((each) => each.type === type);
      return found?.reason === reason && message.test(found.message) ? found.message : undefined;
    });
  }
  const keyStates = async (): Promise<readonly string[]> =>
    (await world.report()).dkim?.keys?.map(({ state }) => state) ?? [];

  test("not while one of two lags", async () => {
    await primary.load(await wanted());
    const message = await condition("DKIMVerified", "RecordMissing", /disagree/);
    expect(message).toContain(`${primary.text}: The DKIM record is published.`);
    expect(message).toContain(`${secondary.text}: The DKIM record is not published.`);
    expect(await keyStates()).toEqual(["Pending", "Pending"]);
    expect(await condition("OwnershipProven", "RecordNotSeen")).toMatch(/Publish a DKIM record/);
  });

  test("once both show it", async () => {
    await secondary.load(await wanted());
    expect(await condition("DNSVerified", "RecordsValid")).toMatch(/verified/);
    expect(await condition("OwnershipProven", "RecordSeen")).toMatch(/holds shop.example/);
    await until("both keys are Active", async () => {
      return (await keyStates()).every((state) => state === "Active") ? true : undefined;
    });
  });

  test("no more once one of them has lost it, and again when it is back", async () => {
    const lines = await wanted();
    await secondary.load([]);
    expect(await condition("DKIMVerified", "NoVisibleKey")).toMatch(/mail is accepted and waits/);
    await secondary.load(lines);
    expect(await condition("DKIMVerified", "RecordValid")).toMatch(/is right/);
  });

  test("although one of them is gone", async () => {
    await primary.close();
    expect(await condition("DNSVerified", "RecordsValid")).toMatch(/verified/);
    await secondary.load([]);
    expect(await condition("DKIMVerified", "NoVisibleKey")).toMatch(/mail is accepted and waits/);
  });
});
