/** Starts what tests start, in a folder: a whole `posthouse up`, a Redis and, where there is a knotd, a name server. Says their pids, and waits to be killed. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { knotd, startKnot } from "./knot.ts";
import { freePorts, startPosthouse } from "./posthouse.ts";
import { startRedis } from "./redis.ts";

const folder = process.argv[2] ?? "";
const [submission = 0, admin = 0] = await freePorts(2);
const path = (name: string): string => join(folder, name);
await mkdir(path("manifests"));
await writeFile(
  path("fleet.yaml"),
  stringify({
    hostname: "relay.example",
    listeners: [{ name: "submission", host: "127.0.0.1", port: submission }],
    admin: { host: "127.0.0.1", port: admin },
  }),
);
const args = ["--manifests", path("manifests"), "--state", path("state"), "--fleet", path("fleet.yaml")];
const started = {
  posthouse: (await startPosthouse(args, { host: "127.0.0.1", port: admin })).pid,
  redis: (await startRedis()).pid(),
  ...(knotd !== undefined && { knotd: (await startKnot(knotd, "shop.example")).pid }),
};
console.log(JSON.stringify(started));
setInterval(() => undefined, 60_000);
