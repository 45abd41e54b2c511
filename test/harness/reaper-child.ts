/** Starts two silent processes that a reaper watches, lets one of them go, says their pids, and waits to be killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { startReaper } from "./reaper.ts";

const reaper = await startReaper("reaper-test");
const [stays, ends] = ["1000", "0"].map((seconds) => reaper.watch(spawn("sleep", [seconds], { stdio: "ignore" })));
await once(ends!, "exit");
console.log(JSON.stringify({ folder: reaper.folder, stays: stays!.pid }));
if (process.argv[2] === "end") await reaper.end();
else setInterval(() => undefined, 60_000);
