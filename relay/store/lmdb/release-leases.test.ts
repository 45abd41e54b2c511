import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "../../../runtime/log.ts";
import { draft, minute, noon } from "../port-suite/fixture.ts";
import type { Store } from "../store.ts";
import { openStore } from "./open-store.ts";

const log = createLogger({ level: "silent", destination: { write: () => undefined } });
let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "posthouse-leases-"));
});
afterEach(() => rmSync(path, { recursive: true }));

const open = (sole: boolean): Promise<Store> => openStore({ path, clock: { now: () => noon }, log, sole });

test("a sole process finds due what a killed one had leased, and the killed one can settle no more", async () => {
  const killed = await open(false);
  const ids = Array.from({ length: 1201 }, (_, i) => `m${String(i).padStart(5, "0")}`);
  await Promise.all(ids.map((id) => killed.spool.accept(draft(id))));
  const before = await killed.spool.claim(noon, 1200, 20 * minute);
  expect(before).toHaveLength(1200);

  const other = await open(false);
  expect(await other.spool.claim(noon, 2000, minute)).toHaveLength(1);
  await other.close();

  const sole = await open(true);
  const again = await sole.spool.claim(noon, 2000, minute);
  expect(again.map((delivery) => delivery.envelope.id).toSorted()).toEqual(ids);
  const [late] = before;
  expect(late && (await killed.spool.settle(late, { kind: "Done" }))).toBe(false);
  await sole.close();
  await killed.close();
});
