import { afterEach, describe, expect, test } from "vitest";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import type { Dialogue } from "../../test/harness/smtp-dialogue.ts";
import { domains, shop, testSubmission, type TestSubmission } from "../../test/harness/submission.ts";
import { buildDirectory, type Directory } from "../directory.ts";
import type { Limits } from "./config.ts";

/** 2026-11-22T12:00:00Z. */
const noon = 1_795_348_800_000;
const hour = 3_600_000;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface RatedRelay extends TestSubmission {
  /** The time that the relay sees; its timers run by themselves. */
  now: number;
  /** How often the ledger was asked. */
  asked: number;
  /** Delays of all timers that were started. */
  readonly delays: number[];
}

async function start(rated: Rated, limits: Partial<Limits> = {}): Promise<RatedRelay> {
  const state = { now: noon, asked: 0, delays: new Array<number>() };
  const clock: Clock = {
    ...systemClock,
    now: () => state.now,
    after(delay, callback) {
      state.delays.push(delay);
      return systemClock.after(delay, callback);
    },
  };
  const relay = await testSubmission((stop) => stops.push(stop), limits, clock);
  const { ledger } = relay.store;
  const admits = ledger.admits.bind(ledger);
  ledger.admits = (given, now) => {
    state.asked++;
    return admits(given, now);
  };
  relay.directory = directoryOf(rated);
  return Object.assign(state, relay, { login: relay.login });
}

interface Rated {
  readonly environment?: { readonly perSecond?: number; readonly perDay?: number };
  readonly rates?: TenantContract["rates"];
}

function directoryOf({ environment: rate, rates }: Rated): Directory {
  const environments = shop.environments.map((environment) => ({ ...environment, ...(rate && { rate }) }));
  return buildDirectory([{ ...shop, environments, ...(rates && { rates }) }], domains);
}

/** Submits a message and returns the last reply, with the command that it answers. */
async function send(client: Dialogue, recipients = 1): Promise<string> {
  const lines = [
    "MAIL FROM:<a@shop.example>",
    ...Array.from({ length: recipients }, (_, index) => `RCPT TO:<you${index}@there.example>`),
    "DATA",
  ];
  for (const line of lines) {
    const answer = await client.say(line);
    if (!/^(250|354)/.test(answer)) return `${line.slice(0, 4)}: ${answer}`;
  }
  return `dot: ${await client.say("From: a@shop.example\r\n\r\nx\r\n.")}`;
}

const accepted = /^dot: 250 2\.0\.0 Ok: queued/;

describe("a rate", () => {
  test.each<[string, Rated, Partial<Limits>]>([
    ["Tenant", { rates: { tenant: { perSecond: 2 } } }, {}],
    ["Environment", { environment: { perSecond: 2 } }, {}],
    ["Credential", { rates: { credential: { perSecond: 2 } } }, {}],
    ["Address", {}, { ratePerAddress: { perSecond: 2 } }],
    ["Environment", { environment: { perSecond: 2 }, rates: { tenant: { perSecond: 4 } } }, {}],
    ["Tenant", { environment: { perSecond: 2 }, rates: { tenant: { perDay: 2 } } }, {}],
  ])("of the %s, as the event says, holds before the content comes (%j %j)", async (kind, rated, limits) => {
    const relay = await start(rated, limits);
    const client = await relay.login();
    for (const _ of [1, 2]) expect(await send(client)).toMatch(accepted);
    expect(await send(client)).toMatch(/^MAIL: 451 4\.7\.1 Rate limit exceeded, try again in \d+ seconds?$/);
    expect(relay.events.at(-1)).toMatchObject({
      type: "refused",
      stage: "Mail",
      class: `${kind}RateLimited`,
      tenant: "team-shop/shop",
    });
    expect(relay.store.accepted).toHaveLength(2);
    expect((await relay.store.usage("team-shop/shop"))?.used).toBe(2);
  });

  test.each<[Rated["environment"], number, string]>([
    [{ perSecond: 1 }, 0, "1 second"],
    [{ perSecond: 1 }, 999, "1 second"],
    [{ perDay: 1 }, 0, "43200 seconds"],
    [{ perDay: 1 }, hour, "39600 seconds"],
  ])("of %j says %i ms later to try again in %s", async (environment, after, text) => {
    const relay = await start({ environment });
    const client = await relay.login();
    expect(await send(client)).toMatch(accepted);
    relay.now += after;
    expect(await send(client)).toBe(`MAIL: 451 4.7.1 Rate limit exceeded, try again in ${text}`);
  });

  test("counts recipients, and what is captured too", async () => {
    const relay = await start({ environment: { perDay: 3 } });
    const client = await relay.login("staging00000");
    expect(await send(client, 2)).toMatch(accepted);
    expect(await send(client, 2)).toMatch(/^dot: 451 4\.7\.1 Rate limit exceeded/);
    expect(await send(client, 1)).toMatch(accepted);
    expect(await relay.store.usage("team-shop/shop")).toBeUndefined();
  });

  test("of one environment is not another's", async () => {
    const relay = await start({ environment: { perDay: 1 } });
    expect(await send(await relay.login())).toMatch(accepted);
    expect(await send(await relay.login("staging00000"))).toMatch(accepted);
    expect(await send(await relay.login())).toMatch(/^MAIL: 451/);
  });
});

describe("a flood", () => {
  test("costs the store one question until its time has come", async () => {
    const relay = await start({ environment: { perSecond: 1 } });
    const clients = [await relay.login(), await relay.login()];
    const [client] = clients as [Dialogue];
    expect(await send(client)).toMatch(accepted);
    for (let i = 0; i < 8; i++) for (const each of clients) expect(await send(each)).toMatch(/^MAIL: 451/);
    expect(relay.asked).toBe(2);
    relay.now += 1000;
    expect(await send(client)).toMatch(accepted);
    expect(relay.asked).toBe(3);
  });

  test("of messages with many recipients is refused before their content from the second on", async () => {
    const relay = await start({ environment: { perSecond: 3 } });
    const client = await relay.login();
    expect(await send(client, 2)).toMatch(accepted);
    expect(await send(client, 2)).toMatch(/^dot: 451/);
    expect(await send(client, 2)).toBe("DATA: 451 4.7.1 Rate limit exceeded, try again in 1 second");
    expect(relay.events.at(-1)).toMatchObject({ stage: "Data", class: "EnvironmentRateLimited" });
    expect(await send(client, 1)).toMatch(accepted);
  });

  test("is hung up on after so many refusals without a message in between", async () => {
    const relay = await start({ environment: { perSecond: 1 } }, { rateRefusals: 3 });
    const client = await relay.login();
    expect(await send(client)).toMatch(accepted);
    for (const _ of [1, 2]) expect(await send(client)).toMatch(/^MAIL: 451/);
    relay.now += 1000;
    expect(await send(client)).toMatch(accepted);
    for (const _ of [1, 2]) expect(await send(client)).toMatch(/^MAIL: 451/);
    expect(await send(client)).toBe(
      "MAIL: 421 4.7.0 Rate limit exceeded too often, connect again in 1 second - closing connection",
    );
    expect(await client.ended()).toBe("");
    expect(relay.events.at(-1)).toMatchObject({ type: "refused", class: "EnvironmentRateLimited", enhanced: "4.7.0" });
  });

  test("is answered late from the second refusal on, until a message is accepted", async () => {
    const relay = await start({ environment: { perSecond: 1 } }, { rateRefusalDelay: 60_000 });
    const client = await relay.login();
    expect(await send(client)).toMatch(accepted);
    expect(await send(client)).toMatch(/^MAIL: 451/);
    relay.now += 1000;
    expect(await send(client)).toMatch(accepted);
    expect(await send(client)).toMatch(/^MAIL: 451/);
    const late = send(client);
    expect(await Promise.race([late, new Promise((resolve) => setTimeout(resolve, 100, "nothing yet"))])).toBe(
      "nothing yet",
    );
    client.reset();
    await expect.poll(() => relay.submission.connections()).toBe(0);
    expect(relay.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  test("does not end for a contract that gives more: that counts at once", async () => {
    const relay = await testSubmission((stop) => stops.push(stop));
    relay.directory = directoryOf({ environment: { perDay: 1 } });
    const client = await relay.login();
    expect(await send(client)).toMatch(accepted);
    expect(await send(client)).toMatch(/^MAIL: 451/);
    relay.directory = directoryOf({ environment: { perDay: 2 } });
    expect(await send(client)).toMatch(accepted);
    expect(await send(client)).toMatch(/^MAIL: 451/);
    relay.directory = directoryOf({});
    expect(await send(client)).toMatch(accepted);
  });
});

describe("commands behind MAIL", () => {
  const pipeline = "MAIL FROM:<a@shop.example>\r\nRCPT TO:<you@there.example>\r\nDATA\r\n";

  test("wait for the answer about rates, and are answered in order", async () => {
    const relay = await start({ environment: { perDay: 1 } });
    const { ledger } = relay.store;
    const admits = ledger.admits.bind(ledger);
    const answer = Promise.withResolvers<void>();
    ledger.admits = async (limits, now) => {
      await answer.promise;
      return admits(limits, now);
    };
    const client = await relay.login();
    client.write(pipeline);
    answer.resolve();
    const replies = [await client.reply(), await client.reply(), await client.reply()];
    expect(replies.map((reply) => reply.slice(0, 9))).toEqual(["250 2.1.0", "250 2.1.5", "354 Conti"]);
    expect(await client.say("From: a@shop.example\r\n\r\nx\r\n.")).toMatch(/^250/);
    client.write(pipeline);
    expect([await client.reply(), await client.reply(), await client.reply()]).toEqual([
      "451 4.7.1 Rate limit exceeded, try again in 43200 seconds",
      "503 5.5.1 Send MAIL first",
      "503 5.5.1 Send MAIL first",
    ]);
  });

  test("leave nothing running when the client goes while the ledger is asked", async () => {
    const relay = await start({ environment: { perDay: 1 } }, { messageTimeout: 123_456 });
    const answer = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<void>();
    relay.store.ledger.admits = () => {
      asked.resolve();
      return answer.promise;
    };
    const client = await relay.login();
    client.write(pipeline);
    await asked.promise;
    client.reset();
    await expect.poll(() => relay.submission.connections()).toBe(0);
    answer.resolve(undefined);
    await relay.submission.stop();
    expect(relay.delays).not.toContain(123_456);
    expect(relay.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });
});

describe("a store", () => {
  test("that cannot be asked about rates is answered at MAIL, and the session goes on", async () => {
    const relay = await start({ environment: { perSecond: 1 } });
    const { ledger } = relay.store;
    const admits = ledger.admits.bind(ledger);
    ledger.admits = () => Promise.reject(new Error("away"));
    const client = await relay.login();
    expect(await send(client)).toBe("MAIL: 451 4.3.0 Temporary local problem, try again later");
    ledger.admits = admits;
    expect(await send(client)).toMatch(accepted);
  });

  test("is not asked when no rate is set", async () => {
    const relay = await start({});
    expect(await send(await relay.login())).toMatch(accepted);
    expect(relay.asked).toBe(0);
  });

  test("has room for so much of a tenant", async () => {
    const relay = await start({}, { spoolPerTenant: 1000 });
    const client = await relay.login();
    let answer = "";
    while (accepted.test((answer = await send(client))));
    expect(answer).toBe("dot: 452 4.3.1 Insufficient system storage, try again later");
    const sizes = relay.store.accepted.map(({ envelope }) => envelope.size);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThanOrEqual(1000);
    expect(total + (sizes[0] ?? 0)).toBeGreaterThan(1000);
    expect(relay.events.at(-1)).toMatchObject({ type: "refused", class: "StoreFull" });
  });
});
