import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { createLogger } from "./log.ts";
import { stopAll } from "./shutdown.ts";

function setUp(): { stopped: string[]; lines: string[]; options: Parameters<typeof stopAll>[1] } {
  const lines: string[] = [];
  const destination = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const log = createLogger({ level: "info", destination });
  return { stopped: [], lines, options: { clock: systemClock, log, deadline: 50 } };
}

test("parts stop in the reverse order of their start", async () => {
  const { stopped, options } = setUp();
  const part = (name: string) => ({ name, stop: async () => void stopped.push(name) });
  expect(await stopAll([part("store"), part("relay"), part("admin")], options)).toBe(true);
  expect(stopped).toEqual(["admin", "relay", "store"]);
});

test("a part that fails or hangs does not keep the others from stopping", async () => {
  const { stopped, lines, options } = setUp();
  const parts = [
    { name: "store", stop: async () => void stopped.push("store") },
    { name: "hangs", stop: () => new Promise<void>(() => undefined) },
    { name: "fails", stop: () => Promise.reject(new Error("no")) },
  ];
  expect(await stopAll(parts, options)).toBe(false);
  expect(stopped).toEqual(["store"]);
  expect(lines.join("")).toMatch(/"part":"fails".*\n.*"part":"hangs"/);
});
