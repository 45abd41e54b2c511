import { openState } from "./state.ts";
import { exitCode, table, UserError, type Terminal } from "./terminal.ts";

/**
 * `posthouse secret NAMESPACE/NAME [KEY]`: what an application reads from its Secret. Only application Secrets are
 * shown, never a private DKIM key. Exit code 1 when there is no such Secret or key.
 */
export async function showSecret(
  options: { readonly name: string; readonly key?: string; readonly state: string },
  terminal: Terminal,
): Promise<number> {
  const [namespace, name, more] = options.name.split("/");
  if (namespace === undefined || name === undefined || more !== undefined)
    throw new UserError(`name the Secret as NAMESPACE/NAME, not ${JSON.stringify(options.name)}`);
  const state = await openState(options.state);
  const secret = state.get({ kind: "Secret", namespace, name });
  if (secret?.type !== "servicebinding.io/smtp") {
    terminal.err(`there is no credential ${options.name} in ${options.state}`);
    return exitCode.failed;
  }
  if (options.key !== undefined) {
    const value = secret.data[options.key];
    if (value === undefined)
      terminal.err(`${options.name} has no key ${options.key}: ${Object.keys(secret.data).join(", ")}`);
    else terminal.out(terminal.json ? JSON.stringify(value) : value.trimEnd());
    return value === undefined ? exitCode.failed : exitCode.ok;
  }
  if (terminal.json) terminal.out(JSON.stringify(secret.data, undefined, 2));
  else terminal.out(table(Object.entries(secret.data).map(([key, value]) => [key, oneLine(value)])).join("\n"));
  return exitCode.ok;
}

/** Text of several lines, such as a certificate, as the first one. */
function oneLine(value: string): string {
  const lines = value.trimEnd().split("\n");
  return lines.length === 1 ? value : `${lines[0]} ... (${lines.length} lines)`;
}
