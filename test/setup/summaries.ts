/**
 * Prints what tests that passed have to tell: vitest keeps their output to itself, so they leave it as `task.meta.summary`.
 * Argument: vitest's JSON report. Prints nothing when there is none.
 */
import { existsSync, readFileSync } from "node:fs";

declare module "vitest" {
  interface TaskMeta {
    /** What a test has to tell when it passed, in lines. */
    summary?: string;
  }
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly meta?: { readonly summary?: string } }[];
  }[];
}

const [path = ""] = process.argv.slice(2);
const report: Report = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Report) : { testResults: [] };
for (const { assertionResults } of report.testResults)
  for (const { status, meta } of assertionResults)
    if (status === "passed" && meta?.summary !== undefined) console.log(`${meta.summary}\n`);
