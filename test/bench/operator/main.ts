/**
 * `make bench-operator`: what the operator and the start of a relay take with many domains, on a real API server, etcd and
 * controller manager, as processes of their own. `--domains N` and `--tenants M` (10,000 and 1,000), `--rest 10m` is how long an unchanged cluster
 * is watched (1m), `--seconds N` how long each raw measurement takes (10), `--json` prints one object, `--profile DIR` writes processor profiles of the operator.
 *
 * The DNS is in this process: 64 name servers that share the domains, and a resolver, all named in the fleet file. So no name servers are
 * searched for, and nothing is asked of the world outside. Domains are checked 2.8 times a second when all is well, which is what
 * 10,000 come to with the fleet's default of an hour; other intervals are as much shorter with fewer. TTLs are a second, so
 * keys may sign as soon as a check has seen them: with 10,000 domains the last is found after a quarter of an hour. There are no
 * relay pods, so usage is unavailable. Everything shares the cores: API server, etcd, operator, DNS and this process.
 */
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseDuration } from "../../../runtime/duration.ts";
import { measure } from "./measure.ts";
import { startProgress } from "./progress.ts";
import { printReport } from "./report.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    domains: { type: "string", default: "10000" },
    tenants: { type: "string", default: "1000" },
    rest: { type: "string", default: "1m" },
    seconds: { type: "string", default: "10" },
    profile: { type: "string" },
  },
});
const atLeastOne = (text: string): number => Math.max(1, Math.trunc(Number(text)) || 1);
const { profile } = values;
if (profile !== undefined) mkdirSync(profile, { recursive: true });
const report = await measure(
  {
    size: { domains: atLeastOne(values.domains), tenants: atLeastOne(values.tenants) },
    rest: parseDuration(values.rest),
    rawSeconds: atLeastOne(values.seconds),
    ...(profile !== undefined && { profile }),
  },
  startProgress(),
);
printReport(report, values.json);
