/**
 * Prints `N passed, N failed` for a run: the tests of vitest's JSON report, and the static checks as one more.
 * Arguments: the report, the exit code of the tests, the exit code of the checks. Exits 1 if anything failed.
 */
import { readFileSync } from "node:fs";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

const [path = "", tested = "1", verified = "1"] = process.argv.slice(2);

function read(): Report | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    return undefined;
  }
}

const report = read();
let passed = report?.numPassedTests ?? 0;
let failed = report?.numFailedTests ?? 0;
// A suite that could not even load fails the run without a failed test.
if (tested !== "0" && failed === 0) failed += 1;
if (verified === "0") passed += 1;
else failed += 1;
const skipped = report?.numPendingTests ?? 0;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed === 0 ? 0 : 1;
