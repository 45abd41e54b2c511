/**
 * Prints what tests have to tell, passed or not: vitest keeps their output to itself, so they leave it as `task.meta.summary`.
 * Argument: vitest's JSON report. Prints nothing when there is none.
 */
import { existsSync, readFileSync } from "node:fs";

declare module "vitest" {
  interface TaskMeta {
    /** What a test has to tell, in lines. */
    summary?: string;
  }
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly meta?: { readonly summary?: string } }[];
  }[];
}

const [path = ""] = process.argv.slice(2);
const report: Report = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Report) : { testResults: [] };
for (const { assertionResults } of report.testResults)
  for (const { meta } of assertionResults) if (meta?.summary !== undefined) console.log(`${meta.summary}\n`);
