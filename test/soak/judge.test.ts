import { describe, expect, test } from "vitest";
import type { Copy, Evidence, Submission, Told } from "./evidence.ts";
import { judge, type Judgement, mostGrowth, type Row, rows, warmUp } from "./judge.ts";

const [anna, bert] = ["anna@friend.example", "bert@peer.example"];

function submission(token: string, changes: Partial<Submission> = {}): Submission {
  return {
    token,
    tenant: "team/open",
    recipients: [anna],
    route: "Deliver",
    relay: "r1",
    startedAt: 10_000,
    endedAt: 10_100,
    reply: "250 2.0.0 Ok: queued as 1",
    ...changes,
  };
}

function copy(token: string, at: number, changes: Partial<Copy> = {}): Copy {
  return { token, recipients: [anna], relay: "r1", at, intact: true, ...changes };
}

function told(token: string, at: number, changes: Partial<Told> = {}): Told {
  return { type: "delivered", token, recipient: anna, relay: "r1", at, ...changes };
}

/** One message, sent, delivered, told and billed; nothing went wrong. */
const quiet: Evidence = {
  submissions: [submission("a")],
  copies: [copy("a", 11_000)],
  told: [told("a", 11_010)],
  kept: [],
  kills: [],
  outages: [],
  spent: [{ tenant: "team/open", pool: "2026-11", used: 1, limit: 10 }],
  memory: [],
  died: [],
  waiting: 0,
};

/** Rows with failures. */
function wrong(judgement: Judgement): readonly Row[] {
  return rows.filter((row) => judgement.failures[row].length > 0);
}

/** Milliseconds between two samples: forty of them tell of a leak. */
const second = warmUp / 39;
const samples = (from: number, step: number) =>
  Array.from({ length: 40 }, (_, i) => ({ at: i * second, octets: from + i * step }));

interface Case {
  readonly name: string;
  readonly change: Partial<Evidence>;
  readonly wrong: readonly Row[];
}

const twice = [copy("a", 11_000), copy("a", 17_000, { relay: "r2" })];
const secondTold = [told("a", 17_010, { relay: "r2" })];

describe("what a soak proves", () => {
  test.each<Case>([
    { name: "all is well", change: {}, wrong: [] },
    { name: "a message is lost", change: { copies: [] }, wrong: ["lost"] },
    {
      name: "one of its recipients is",
      change: {
        submissions: [submission("a", { recipients: [anna, bert] })],
        spent: [{ ...quiet.spent[0]!, used: 2 }],
      },
      wrong: ["lost"],
    },
    { name: "the body is another", change: { copies: [copy("a", 11_000, { intact: false })] }, wrong: ["foreign"] },
    {
      name: "somebody gets it who should not",
      change: { copies: [copy("a", 11_000, { recipients: [anna, bert] })] },
      wrong: ["foreign"],
    },
    {
      name: "what nobody sent arrives",
      change: { copies: [copy("a", 11_000), copy("b", 11_000)] },
      wrong: ["foreign"],
    },
    {
      name: "what should be captured is delivered",
      change: { submissions: [submission("a", { route: "Capture" })], spent: [] },
      wrong: ["foreign"],
    },
    {
      name: "it is captured",
      change: {
        submissions: [submission("a", { route: "Capture" })],
        copies: [],
        kept: [{ token: "a", recipients: [anna] }],
        spent: [],
      },
      wrong: [],
    },
    {
      name: "a captured message is billed",
      change: {
        submissions: [submission("a", { route: "Capture" })],
        copies: [],
        kept: [{ token: "a", recipients: [anna] }],
      },
      wrong: ["credits"],
    },
    { name: "a duplicate without a cause", change: { copies: twice, told: secondTold }, wrong: ["duplicates"] },
    {
      name: "a duplicate after a kill of another relay",
      change: { copies: twice, told: secondTold, kills: [{ relay: "r2", at: 11_001 }] },
      wrong: ["duplicates"],
    },
    {
      name: "a duplicate after a kill long before",
      change: { copies: twice, told: secondTold, kills: [{ relay: "r1", at: 9_000 }] },
      wrong: ["duplicates"],
    },
    {
      name: "a duplicate after a kill that came after both",
      change: { copies: twice, told: secondTold, kills: [{ relay: "r1", at: 17_500 }] },
      wrong: ["duplicates"],
    },
    {
      name: "a duplicate of what was told to be delivered before the kill",
      change: { copies: twice, told: [...quiet.told, ...secondTold], kills: [{ relay: "r1", at: 12_000 }] },
      wrong: ["duplicates"],
    },
    {
      name: "a duplicate after a kill",
      change: { copies: twice, told: secondTold, kills: [{ relay: "r1", at: 11_001 }] },
      wrong: [],
    },
    {
      name: "a third copy after one kill",
      change: {
        copies: [...twice, copy("a", 18_000)],
        told: [...secondTold, told("a", 18_001)],
        kills: [{ relay: "r1", at: 11_001 }],
      },
      wrong: ["duplicates"],
    },
    {
      name: "a duplicate while Redis was away",
      change: { copies: twice, told: secondTold, outages: [{ kind: "Paused", from: 10_900, until: 16_000 }] },
      wrong: [],
    },
    {
      name: "a duplicate when Redis had been back for long",
      change: { copies: twice, told: secondTold, outages: [{ kind: "Paused", from: 5_000, until: 7_000 }] },
      wrong: ["duplicates"],
    },
    {
      name: "a duplicate when Redis went long after the copy",
      change: { copies: twice, told: secondTold, outages: [{ kind: "Paused", from: 15_000, until: 16_000 }] },
      wrong: ["duplicates"],
    },
    {
      name: "taken and refused",
      change: { submissions: [submission("a", { reply: "451 4.7.1 Authentication failed" })] },
      wrong: ["untold"],
    },
    {
      name: "taken, and the connection ended",
      change: { submissions: [submission("a", { reply: undefined })] },
      wrong: ["untold"],
    },
    {
      name: "taken, and the relay was killed",
      change: { submissions: [submission("a", { reply: undefined })], kills: [{ relay: "r1", at: 10_090 }] },
      wrong: [],
    },
    {
      name: "taken, and another relay was killed",
      change: { submissions: [submission("a", { reply: undefined })], kills: [{ relay: "r2", at: 10_090 }] },
      wrong: ["untold"],
    },
    {
      name: "taken, and told to come again",
      change: { submissions: [submission("a", { reply: "451 4.3.0 Later" })] },
      wrong: ["untold"],
    },
    {
      name: "taken, and told to come again while Redis was away",
      change: {
        submissions: [submission("a", { reply: "451 4.3.0 Later" })],
        outages: [{ kind: "Paused", from: 10_000, until: 12_000 }],
      },
      wrong: [],
    },
    {
      name: "an untold message that came to one of two",
      change: {
        submissions: [submission("a", { reply: undefined, recipients: [anna, bert] })],
        kills: [{ relay: "r1", at: 10_090 }],
        spent: [{ ...quiet.spent[0]!, used: 2 }],
      },
      wrong: ["lost"],
    },
    { name: "billed twice", change: { spent: [{ ...quiet.spent[0]!, used: 2 }] }, wrong: ["credits"] },
    { name: "not billed", change: { spent: [{ ...quiet.spent[0]!, used: 0 }] }, wrong: ["credits"] },
    {
      name: "billed somebody else",
      change: { spent: [{ ...quiet.spent[0]!, tenant: "team/other" }] },
      wrong: ["credits"],
    },
    { name: "one over", change: { spent: [{ ...quiet.spent[0]!, limit: 0 }] }, wrong: ["credits"] },
    {
      name: "billed from two pools",
      change: {
        submissions: [submission("a", { recipients: [anna, bert] })],
        copies: [copy("a", 11_000), copy("a", 11_000, { recipients: [bert] })],
        spent: [
          { ...quiet.spent[0]!, limit: 1 },
          { ...quiet.spent[0]!, pool: "+extra", limit: 1 },
        ],
      },
      wrong: [],
    },
    {
      name: "a refusal costs nothing",
      change: { submissions: [submission("a"), submission("b", { reply: "451 4.7.1 Authentication failed" })] },
      wrong: [],
    },
    {
      name: "memory is flat",
      change: { memory: [{ process: "r1", samples: samples(1e8, 0) }] },
      wrong: [],
    },
    {
      name: "memory grew in the first half only",
      change: {
        memory: [
          { process: "r1", samples: samples(0, 1e8).map((s, i) => (i < 20 ? s : { at: i * second, octets: 2e9 })) },
        ],
      },
      wrong: [],
    },
    {
      name: "memory that was given back is needed again",
      change: {
        memory: [{ process: "r1", samples: [...samples(2e8, 0).slice(0, 20), ...samples(0, 5e6).slice(20)] }],
      },
      wrong: [],
    },
    {
      name: "memory grows",
      change: { memory: [{ process: "r1", samples: samples(1e8, mostGrowth / 18) }] },
      wrong: ["memory"],
    },
    {
      name: "memory grows in a process that was not watched for long",
      change: { memory: [{ process: "r1", samples: samples(1e8, mostGrowth / 18).slice(1) }] },
      wrong: [],
    },
    { name: "a relay ended by itself", change: { died: ["r1"] }, wrong: ["died"] },
    { name: "the spool is not empty", change: { waiting: 1 }, wrong: ["waiting"] },
  ])("$name", ({ change, wrong: expected }) => {
    expect(wrong(judge({ ...quiet, ...change }))).toEqual(expected);
  });

  test("counts by cause, and names what was untold", () => {
    const found = judge({
      ...quiet,
      submissions: [submission("a", { reply: undefined })],
      copies: twice,
      told: secondTold,
      kills: [
        { relay: "r1", at: 10_090 },
        { relay: "r1", at: 11_001 },
      ],
    });
    expect(found).toMatchObject({
      answered: 0,
      copies: 2,
      duplicates: { Kill: 1, RedisAway: 0 },
      untold: { Kill: ["a"], RedisAway: [] },
      credits: [{ tenant: "team/open", used: 1, told: 0, untold: 1 }],
    });
  });

  test("says of what is lost that it bounced", () => {
    const found = judge({ ...quiet, copies: [], told: [told("a", 11_000, { type: "bounced" })] });
    expect(found.failures.lost).toEqual([{ subject: `a ${anna}`, why: "bounced" }]);
  });
});
