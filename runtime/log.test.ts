import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLogger } from "./log.ts";

test("a line is JSON with a level, a time and the fields, secrets censored", () => {
  const lines: string[] = [];
  const destination = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const log = createLogger({ level: "info", destination }).child({ part: "relay" });
  log.debug("not shown");
  log.info({ id: "q1", password: "hunter2", nested: { privateKey: "-----BEGIN" } }, "accepted");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    part: "relay",
    id: "q1",
    password: "[redacted]",
    nested: { privateKey: "[redacted]" },
    msg: "accepted",
  });
});
