import { afterEach, beforeEach, describe } from "vitest";
import { acceptContract } from "./accept.ts";
import { capturesContract } from "./captures.ts";
import { keyUsesContract } from "./key-uses.ts";
import type { StoreFixture } from "./fixture.ts";
import { modelContract } from "./model.ts";
import { periodsContract } from "./periods.ts";
import { queueContract } from "./queue.ts";
import { ratesContract } from "./rates.ts";
import { spoolLimitContract } from "./spool-limit.ts";
import type { Store } from "../store.ts";
import { transferContract } from "./transfer.ts";

/**
 * The contract of the store's ports, as tests: every engine passes the same ones, each test on a place of its own.
 * To be called at the top of a test file.
 */
export function storeContract(engine: string, makeFixture: () => Promise<StoreFixture>): void {
  describe(`the store on ${engine}`, () => {
    let fixture: StoreFixture;
    let current: Store;
    beforeEach(async () => {
      fixture = await makeFixture();
      current = await fixture.open();
    });
    afterEach(async () => {
      await current.close();
      await fixture.remove();
    });
    const store = (): Store => current;
    const reopen = async (): Promise<Store> => {
      await current.close();
      current = await fixture.open();
      return current;
    };
    acceptContract(store, reopen);
    periodsContract(store, reopen);
    queueContract(store, (at) => (fixture.clock.at = at), reopen);
    ratesContract(store, reopen);
    spoolLimitContract(store, reopen);
    capturesContract(store, reopen);
    keyUsesContract(store, reopen);
    modelContract(makeFixture);
    transferContract(store, makeFixture, reopen);
  });
}
