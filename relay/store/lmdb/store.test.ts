import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "../../../runtime/log.ts";
import { storeContract } from "../port-suite/store-contract.ts";
import { noon } from "../port-suite/fixture.ts";
import { openStore } from "./open-store.ts";

const silent = createLogger({ level: "silent", destination: { write: () => undefined } });

storeContract("LMDB", async () => {
  const path = await mkdtemp(join(tmpdir(), "posthouse-store-"));
  const clock = { at: noon };
  return {
    clock,
    open: () => openStore({ path, clock: { now: () => clock.at }, log: silent }),
    remove: () => rm(path, { recursive: true }),
  };
});
