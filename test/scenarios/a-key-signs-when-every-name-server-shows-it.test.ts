import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SendingDomainStatus } from "../../crds/sending-domain.ts";
import { splitTxt } from "../../operator/sending-domain/verdict.ts";
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

  async function status(): Promise<SendingDomainStatus | undefined> {
    const { stdout } = await world.run("dns", "shop.example", "--format", "json");
    const [claim] = JSON.parse(stdout) as { status: SendingDomainStatus }[];
    return claim?.status;
  }

  /** The lines of a zone file for what the report asks for. */
  async function wanted(): Promise<readonly string[]> {
    const { records = [] } = await until("a report of three records or more", async () => {
      const found = await status();
      return (found?.records?.length ?? 0) >= 3 ? found : undefined;
    });
    const quoted = (value: string): string =>
      splitTxt(value)
        .map((text) => JSON.stringify(text))
        .join(" ");
    return records.map(({ fqdn, value }) => `${fqdn}. TXT ${quoted(value)}`);
  }

  function condition(type: string, reason: string, message: RegExp): Promise<string> {
    return until(`${type} is ${reason}`, async () => {
      const found = (await status())?.conditions?.find((each) => each.type === type);
      return found?.reason === reason && message.test(found.message) ? found.message : undefined;
    });
  }
  const keyStates = async (): Promise<readonly string[]> =>
    (await status())?.dkim?.keys?.map(({ state }) => state) ?? [];

  test("not while one of two lags", async () => {
    await primary.load(await wanted());
    const message = await condition("DKIMVerified", "RecordMissing", /disagree/);
    expect(message).toContain(`${primary.text}: The DKIM record is published.`);
    expect(message).toContain(`${secondary.text}: The DKIM record is not published.`);
    expect(await keyStates()).toEqual(["Pending", "Pending"]);
    await condition("OwnershipProven", "RecordNotSeen", /./);
  });

  test("once both show it", async () => {
    await secondary.load(await wanted());
    await condition("DNSVerified", "RecordsValid", /./);
    await condition("OwnershipProven", "RecordSeen", /./);
    await until("both keys are Active", async () => {
      return (await keyStates()).every((state) => state === "Active") ? true : undefined;
    });
  });

  test("no more once one of them has lost it, and again when it is back", async () => {
    const lines = await wanted();
    await secondary.load([]);
    await condition("DKIMVerified", "NoVisibleKey", /./);
    await secondary.load(lines);
    await condition("DKIMVerified", "RecordValid", /./);
  });

  test("although one of them is gone", async () => {
    await primary.close();
    await condition("DNSVerified", "RecordsValid", /./);
    await secondary.load([]);
    await condition("DKIMVerified", "NoVisibleKey", /./);
  });
});
