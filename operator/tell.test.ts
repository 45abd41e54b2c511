import pino from "pino";
import { expect, test } from "vitest";
import { info, warn } from "./plan.ts";
import { createTell } from "./tell.ts";

const object = { kind: "SendingDomain", namespace: "team-shop", name: "shop" } as const;

test("what one plan says is told as one for each level, and logged one by one", () => {
  const lines: unknown[] = [];
  const told: unknown[] = [];
  const tell = createTell({
    cluster: { get: () => undefined },
    log: pino({ base: null }, { write: (line) => void lines.push((JSON.parse(line) as { reason: string }).reason) }),
    onNote: (about, action, { level, reason, message }) => told.push([about, action, level, reason, message]),
  });
  tell(object, "Apply", [
    info("KeyActivated", "Selector a is Active."),
    warn("RecordLost", "DNS shows b no more."),
    info("KeyActivated", "Selector c is Active."),
    info("SigningKeysChanged", "Mail is signed with a, c."),
    info("KeyActivated", "Selector a is Active."),
  ]);
  expect(told).toEqual([
    [object, "Apply", "info", "KeyActivated", "Selector a is Active. Selector c is Active. Mail is signed with a, c."],
    [object, "Apply", "warn", "RecordLost", "DNS shows b no more."],
  ]);
  expect(lines).toEqual(["KeyActivated", "RecordLost", "KeyActivated", "SigningKeysChanged", "KeyActivated"]);
});

test("nothing said is nothing told", () => {
  const told: unknown[] = [];
  const tell = createTell({
    cluster: { get: () => undefined },
    log: pino({ level: "silent" }),
    onNote: (...note) => told.push(note),
  });
  tell(object, "Apply", []);
  expect(told).toEqual([]);
});
