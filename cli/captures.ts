import { age } from "./queue.ts";
import { type StorePlace, withStoreOf } from "./look-into-store.ts";
import { exitCode, table, type Terminal } from "./terminal.ts";
import { systemClock } from "../runtime/clock.ts";

/** `posthouse captures list`: what Capture environments kept, newest first. */
export async function listCaptures(
  options: StorePlace & { readonly limit: number },
  terminal: Terminal,
): Promise<number> {
  return withStoreOf(options, async (store) => {
    const captures = await store.captures.list(options.limit);
    if (terminal.json) {
      terminal.out(JSON.stringify(captures, undefined, 2));
      return exitCode.ok;
    }
    const now = systemClock.now();
    const rows = captures.map(({ envelope, recipients, capturedAt }) => [
      envelope.id,
      age(now - capturedAt),
      envelope.tenant,
      envelope.environment,
      `<${envelope.sender}>`,
      recipients.map((recipient) => `<${recipient.address}>`).join(" "),
    ]);
    const header = ["ID", "AGE", "TENANT", "ENVIRONMENT", "SENDER", "RECIPIENTS"];
    terminal.out(rows.length === 0 ? "nothing was captured" : table([header, ...rows]).join("\n"));
    return exitCode.ok;
  });
}

/**
 * `posthouse captures show ID`: the message as it would have been sent, byte for byte, to standard output, so that its
 * signatures verify there too. Exit code 1 when there is none.
 */
export async function showCapture(id: string, options: StorePlace, terminal: Terminal): Promise<number> {
  return withStoreOf(options, async (store) => {
    const content = await store.captures.content(id);
    if (content === undefined) terminal.err(`no capture has the id ${id}; \`posthouse captures list\` shows them`);
    else terminal.bytes(content);
    return content === undefined ? exitCode.failed : exitCode.ok;
  });
}
