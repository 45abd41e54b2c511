import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore } from "../relay/store/lmdb/open-store.ts";
import { draft } from "../relay/store/port-suite/fixture.ts";
import { systemClock } from "../runtime/clock.ts";
import { createLogger } from "../runtime/log.ts";
import { listCaptures, showCapture } from "./captures.ts";
import { age, listQueue, retryQueue, showMessage } from "./queue.ts";
import { stateLayout } from "./state-layout.ts";
import type { Terminal } from "./terminal.ts";

let state: string;
let lines: string[];
let written: Uint8Array[];
/** A captured message with UTF-8 and with bytes that are none. */
const content = Buffer.from("Subject: kept\r\n\r\nGr\u00fc\u00dfe \xff\r\n", "latin1");
beforeEach(async () => {
  lines = [];
  written = [];
  state = await mkdtemp(join(tmpdir(), "posthouse-queue-"));
  const log = createLogger({ level: "silent", destination: { write: () => undefined } });
  const store = await openStore({ path: stateLayout.store(state), clock: systemClock, log });
  const at = systemClock.now();
  const message = draft("m1", { at: at - 180_000, to: ["anna@friend.example", "ben@other.example"] });
  await store.spool.accept(message);
  const [first] = await store.spool.claim(at, 1, 1000);
  if (first === undefined) throw new Error("nothing was due");
  const lastReply = { at, hop: "mx.friend.example", text: "451 4.3.0 Later" };
  const again = { recipients: first.recipients, attempts: 1, dueAt: at + 600_000, lastReply };
  await store.spool.settle(first, { kind: "Again", ...again });
  const { envelope } = message;
  const capture = { envelope, recipients: [{ address: "anna@friend.example" }], capturedAt: at };
  await store.captures.keep(capture, content, 2 ** 20);
  await store.close();
});
afterEach(() => rm(state, { recursive: true }));

function terminal(json = false): Terminal {
  return {
    out: (line) => lines.push(line),
    bytes: (bytes) => written.push(bytes),
    err: (line) => lines.push(`! ${line}`),
    json,
    color: false,
  };
}
const text = (): string => lines.join("\n");

describe("posthouse queue", () => {
  test("lists what waits, with its age, its tries and the last reply", async () => {
    expect(await listQueue({ state, limit: 100 }, terminal())).toBe(0);
    const [header, ...rows] = text().split("\n");
    expect(header).toMatch(/^ID +AGE +TENANT +ENVIRONMENT +DOMAIN +RCPT +TRIED +DUE +LAST REPLY$/);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(
      /^m1 +3m +team-shop\/shop +production +friend\.example +1 +1 +in (9|10)m +451 4\.3\.0 Later$/,
    );
    expect(rows[1]).toMatch(/other\.example +1 +0 +now$/);
  });

  test("says when there is more than it shows", async () => {
    await listQueue({ state, limit: 1 }, terminal());
    expect(text()).toContain("! showing the first 1; --limit shows more");
  });

  test("prints JSON for programs", async () => {
    await listQueue({ state, limit: 100 }, terminal(true));
    expect(JSON.parse(text())).toMatchObject([
      { key: "m1/0", attempts: 1 },
      { key: "m1/1", attempts: 0 },
    ]);
  });

  test("shows a message without its content", async () => {
    expect(await showMessage("m1", { state }, terminal())).toBe(0);
    expect(text()).toContain("<anna@friend.example>");
    expect(text()).toContain("friend.example: tried once, due in ");
    expect(text()).toContain("other.example: tried 0 times, due now");
    expect(text()).toContain("last reply of mx.friend.example: 451 4.3.0 Later");
    expect(text()).not.toContain("body of m1");
  });

  test("says of a message that is not queued what may have become of it, and exits with 1", async () => {
    expect(await showMessage("m2", { state }, terminal())).toBe(1);
    expect(text()).toContain("m2 is not queued");
  });

  test("makes a message due now", async () => {
    expect(await retryQueue("m1", { state }, terminal())).toBe(0);
    lines = [];
    await listQueue({ state, limit: 100 }, terminal(true));
    expect(JSON.parse(text())).toHaveLength(2);
    for (const { dueAt } of JSON.parse(text()) as { dueAt: number }[])
      expect(dueAt).toBeLessThanOrEqual(systemClock.now());
  });

  test("refuses to retry what is not queued", async () => {
    expect(await retryQueue("m2", { state }, terminal())).toBe(1);
    expect(text()).toContain("! m2 is not queued");
  });
});

describe("posthouse captures", () => {
  test("lists what was captured", async () => {
    expect(await listCaptures({ state, limit: 100 }, terminal())).toBe(0);
    expect(text()).toMatch(/m1 +[0-9]+s +team-shop\/shop +production +<shop@example\.com> +<anna@friend\.example>/);
  });

  test("prints one as it would have been sent, byte for byte", async () => {
    expect(await showCapture("m1", { state }, terminal())).toBe(0);
    expect(Buffer.concat(written)).toEqual(content);
    expect(await showCapture("m2", { state }, terminal())).toBe(1);
  });
});

const ages: readonly [milliseconds: number, text: string][] = [
  [-5, "0s"],
  [59_000, "59s"],
  [60_000, "1m"],
  [3_600_000, "1h"],
  [47 * 3_600_000, "47h"],
  [72 * 3_600_000, "3d"],
];
test.each(ages)("%d ms is %s", (milliseconds, expected) => {
  expect(age(milliseconds)).toBe(expected);
});
