import type { Readable } from "node:stream";
import { describeLineFault, endOfLines, scanLines, startOfLines } from "../message/line-endings.ts";
import { type Refusal, refuse } from "../decision/verdict.ts";
import { gather } from "./gather.ts";
import type { OctetBudget } from "./limits.ts";
import * as replies from "./replies.ts";

/** A message as it came off the wire, without dot-stuffing; or why it is refused, when all of it has come. */
export type Received = { readonly content: Buffer; readonly release: () => void } | { readonly refusal: Refusal };

/** The connection went away in the middle of the message. */
export class Aborted extends Error {
  override readonly name = "Aborted";
}

/**
 * Reads a message to its end and checks its lines and size on the way. From the first fault on nothing is kept of it:
 * the rest is read and dropped, because a client listens only when it has sent everything. Rejects with
 * {@link Aborted}. `release` gives the octets back to the budget.
 */
export function receive(stream: Readable, maxBytes: number, budget: OctetBudget): Promise<Received> {
  const gathered = gather();
  let size = 0;
  let lines = startOfLines;
  let refusal: Refusal | undefined;
  const release = (): void => {
    budget.give(size);
    size = 0;
    gathered.clear();
  };
  const drop = (why: Refusal): void => {
    refusal = why;
    release();
  };
  const take = (chunk: Buffer): void => {
    if (refusal !== undefined) return;
    if (size + chunk.length > maxBytes) return drop(refuse(replies.tooLarge(maxBytes), "TooLarge"));
    if (!budget.take(chunk.length)) return drop(refuse(replies.noMemory, "NoMemory"));
    size += chunk.length;
    gathered.add(chunk);
    lines = scanLines(lines, chunk);
    if (lines.fault !== undefined) drop(refuse(replies.badContent(describeLineFault(lines.fault)), lines.fault));
  };
  return new Promise((resolve, reject) => {
    stream.on("data", take);
    stream.once("end", () => {
      const fault = endOfLines(lines);
      if (refusal === undefined && fault !== undefined)
        drop(refuse(replies.badContent(describeLineFault(fault)), fault));
      resolve(refusal === undefined ? { content: gathered.join(), release } : { refusal });
    });
    const abort = (): void => {
      release();
      reject(new Aborted("the client went away in the middle of a message"));
    };
    stream.once("error", abort);
    stream.once("close", () => {
      if (!stream.readableEnded) abort();
    });
  });
}
