import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RateLimit } from "../../../contract/rates.ts";
import { createLogger } from "../../../runtime/log.ts";
import { claimOne, day, draft, minute, noon } from "../port-suite/fixture.ts";
import { type NewMessage, StoreFull } from "../spool.ts";
import type { Store } from "../store.ts";
import { checkLmdb } from "./check.ts";
import { type Environment, openEnvironment } from "./environment.ts";
import { openStore } from "./open-store.ts";
import { salvageLmdb } from "./salvage.ts";

const log = createLogger({ level: "silent", destination: { write: () => undefined } });
let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "posthouse-counters-"));
});
afterEach(() => rmSync(path, { recursive: true }));

const open = (): Promise<Store> => openStore({ path, clock: { now: () => noon }, log });

async function inside<T>(look: (environment: Environment) => Promise<T>): Promise<T> {
  const environment = await openEnvironment(path, log);
  try {
    return await look(environment);
  } finally {
    await environment.close();
  }
}

function more(size: number): NewMessage {
  const rates = [{ key: "tenant/a", perSecond: 1 }];
  return draft("m3", { content: new Uint8Array(size), spoolLimit: 1000, rates });
}

function addressLimits(from: number, count: number): readonly RateLimit[] {
  return Array.from({ length: count }, (_, index) => ({ key: `address/${from + index}`, perDay: 1 }));
}

test("a store that was written before anybody counted what is in it is counted when it is opened", async () => {
  const first = await open();
  for (const id of ["m1", "m2"]) await first.spool.accept(draft(id, { content: new Uint8Array(300) }));
  await first.close();
  await inside(async (environment) => {
    const { rates, spooled, meta } = environment.tables();
    await rates.drop();
    await spooled.drop();
    await meta.remove("spooled");
  });

  const again = await open();
  await expect(again.spool.accept(more(401))).rejects.toThrow(StoreFull);
  expect(await again.spool.accept(more(400))).toBe("Accepted");
  await again.close();
  // Opened once more, nothing is counted twice.
  const third = await open();
  for (const _ of [1, 2, 3]) await third.spool.settle(await claimOne(third.spool, noon), { kind: "Done" });
  await third.close();
  expect(await inside(async (environment) => [...environment.tables().spooled.getRange()])).toEqual([]);
});

function kept(store: Store, id: string, most: number): Promise<void> {
  const capture = { envelope: draft(id).envelope, recipients: [], capturedAt: noon };
  return store.captures.keep(capture, new Uint8Array(300), most);
}

test("captures that nobody counted are counted when the store is opened, and missed by no check before", async () => {
  const first = await open();
  for (const id of ["c1", "c2", "c3"]) await kept(first, id, 2000);
  await first.close();
  await inside(async (environment) => {
    const { captureOctets, meta } = environment.tables();
    await captureOctets.drop();
    await meta.remove("captured");
  });
  expect(checkLmdb(path).problems).toEqual([]);

  const again = await open();
  await kept(again, "c4", 900);
  expect((await again.captures.list(9)).map(({ envelope }) => envelope.id)).toEqual(["c4", "c3", "c2"]);
  await again.close();
  await inside((environment) => environment.tables().captureOctets.put("team-shop/shop/production", 1));
  expect(checkLmdb(path).problems.map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
    "Counter: 1 octets are counted in the captures of team-shop/shop/production, there are 900",
  ]);
  await salvageLmdb({ folder: path, now: noon, log });
  expect(checkLmdb(path).problems).toEqual([]);
  expect(await inside(async (environment) => [...environment.tables().captureOctets.getRange()])).toEqual([
    { key: "team-shop/shop/production", value: 900 },
  ]);
});

test("rates that say nothing any more are forgotten, however many, and the others are not", async () => {
  const store = await open();
  await store.spool.accept(draft("m1", { rates: addressLimits(1000, 1200) }));
  await store.spool.accept(draft("m2", { rates: addressLimits(5000, 2), at: noon + day }));
  for (const id of ["m3", "m4", "m5"]) await store.spool.accept(draft(id));
  for (const _ of [1, 2, 3, 4]) await store.spool.claim(noon + day + minute, 1, minute);
  await store.close();
  const left = await inside(async (environment) => [...environment.tables().rates.getKeys()]);
  expect(left).toEqual(["address/5000", "address/5001"]);
});
