import type { QueueRow } from "../relay/store/queue.ts";
import { type StorePlace, withStoreOf } from "./look-into-store.ts";
import { exitCode, palette, table, type Terminal } from "./terminal.ts";
import { systemClock } from "../runtime/clock.ts";

/** A span of time for people: `3m`, `2h`, `5d`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

function due(row: QueueRow, now: number): string {
  if (row.leased) return "now (in work)";
  return row.dueAt <= now ? "now" : `in ${age(row.dueAt - now)}`;
}

/** `posthouse queue list`: every delivery that waits, in the order of acceptance. */
export async function listQueue(options: StorePlace & { readonly limit: number }, terminal: Terminal): Promise<number> {
  return withStoreOf(options, async (store) => {
    const found = await store.queue.list(options.limit + 1);
    const rows = found.slice(0, options.limit);
    if (terminal.json) {
      terminal.out(JSON.stringify(rows, undefined, 2));
      return exitCode.ok;
    }
    if (rows.length === 0) terminal.out("the queue is empty");
    const now = systemClock.now();
    const header = ["ID", "AGE", "TENANT", "ENVIRONMENT", "DOMAIN", "RCPT", "TRIED", "DUE", "LAST REPLY"];
    const lines = rows.map((row) => [
      row.envelope.id,
      age(now - row.envelope.acceptedAt),
      row.envelope.tenant,
      row.envelope.environment,
      row.domain,
      String(row.recipients.length),
      String(row.attempts),
      due(row, now),
      row.lastReply?.text ?? "",
    ]);
    if (rows.length > 0) terminal.out(table([header, ...lines]).join("\n"));
    if (found.length > rows.length) terminal.err(`showing the first ${options.limit}; --limit shows more`);
    return exitCode.ok;
  });
}

/** Why a delivery waits: a hop's reply, or what kept it from being tried. */
function replyLines({ lastReply }: QueueRow): readonly string[] {
  if (lastReply === undefined) return [];
  return [lastReply.hop === "" ? `  ${lastReply.text}` : `  last reply of ${lastReply.hop}: ${lastReply.text}`];
}

function messageLines(rows: readonly QueueRow[], terminal: Terminal): readonly string[] {
  const now = systemClock.now();
  const envelope = rows[0]?.envelope;
  if (envelope === undefined) return [];
  const paint = palette(terminal);
  return [
    ...table([
      ["id", envelope.id],
      ["tenant", envelope.tenant],
      ["environment", envelope.environment],
      ["credential", envelope.credential],
      ["sender", `<${envelope.sender}>`],
      ["message-id", `<${envelope.messageId}>`],
      ["size", `${envelope.size} octets`],
      ["accepted", `${new Date(envelope.acceptedAt).toISOString()} (${age(now - envelope.acceptedAt)} ago)`],
    ]),
    ...rows.flatMap((row) => [
      "",
      paint.bold(`${row.domain}: tried ${row.attempts === 1 ? "once" : `${row.attempts} times`}, due ${due(row, now)}`),
      ...row.recipients.map((recipient) => `  <${recipient.address}>`),
      ...replyLines(row),
    ]),
  ];
}

const notQueued = (id: string): string =>
  `${id} is not queued (any more): if it was, the events tell whether it was delivered, captured, bounced or expired`;

/** `posthouse queue show ID`: one message. Exit code 1 when it is not queued (any more). */
export async function showMessage(id: string, options: StorePlace, terminal: Terminal): Promise<number> {
  return withStoreOf(options, async (store) => {
    const rows = await store.queue.list(1000, id);
    if (terminal.json) terminal.out(JSON.stringify(rows, undefined, 2));
    else if (rows.length > 0) terminal.out(messageLines(rows, terminal).join("\n"));
    if (rows.length === 0) terminal.err(notQueued(id));
    return rows.length === 0 ? exitCode.failed : exitCode.ok;
  });
}

/** `posthouse queue retry [ID]`: makes one message, or all, due now. Exit code 1 when the id is not queued. */
export async function retryQueue(id: string | undefined, options: StorePlace, terminal: Terminal): Promise<number> {
  return withStoreOf(options, async (store) => {
    if (id !== undefined && (await store.queue.list(1, id)).length === 0) {
      terminal.err(notQueued(id));
      return exitCode.failed;
    }
    const retried = await store.queue.retry(systemClock.now(), id);
    terminal.out(terminal.json ? JSON.stringify({ retried }) : `${retried} due now`);
    return exitCode.ok;
  });
}
