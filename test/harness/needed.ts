/** What tests need of the machine and not every machine has. */

/**
 * Whether it is there, for `describe.skipIf`. Where it is not, tests are skipped with a word about it; with CI=true, where
 * nobody would read that word, it throws `what` instead.
 */
export function isThere(what: string, found: boolean, env: NodeJS.ProcessEnv = process.env): boolean {
  if (found) return true;
  if (env["CI"] === "true") throw new Error(`${what}, and with CI=true no test is skipped`);
  process.stderr.write(`tests are skipped: ${what}\n`);
  return false;
}
