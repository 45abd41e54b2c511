/**
 * Prints what failed in a run, a line each, and then `N passed, N failed`: the tests of vitest's JSON report, and the
 * static checks as one more. Arguments: the report, the exit code of the tests, the exit code of the checks.
 * Exits 1 if anything failed.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly File[];
}

interface File {
  readonly name: string;
  readonly status: string;
  /** Why the file could not be run. */
  readonly message: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[];
  }[];
}

const [path = "", tested = "1", verified = "1"] = process.argv.slice(2);

function read(): Report | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    return undefined;
  }
}

/** A line for each test that failed, and one for a file that failed without one. */
function failures({ name, status, message, assertionResults }: File): readonly string[] {
  const file = relative(process.cwd(), name);
  const tests = assertionResults.filter((test) => test.status === "failed");
  if (tests.length === 0) return status === "failed" ? [`failed: ${file}: ${firstLine(message)}`] : [];
  return tests.map(({ fullName, failureMessages: [text = ""] }) => `failed: ${file}: ${fullName}: ${firstLine(text)}`);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]?.slice(0, 300) ?? "";
}

const report = read();
for (const line of report?.testResults.flatMap(failures) ?? []) console.log(line);
let passed = report?.numPassedTests ?? 0;
let failed = report?.numFailedTests ?? 0;
// A suite that could not even load fails the run without a failed test.
if (tested !== "0" && failed === 0) failed += 1;
if (verified === "0") passed += 1;
else {
  failed += 1;
  console.log("failed: make verify");
}
const skipped = report?.numPendingTests ?? 0;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed === 0 ? 0 : 1;
