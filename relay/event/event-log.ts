import type { DestinationStream } from "pino";
import type { EventSink, MailEvent } from "./event.ts";

/**
 * A sink that writes each event as one line of JSON, nothing else on it, to a destination as pino makes them
 * (`pino.destination`, which buffers and reopens). `JSON.stringify` escapes every line end within.
 */
export function eventLog(destination: DestinationStream): EventSink {
  return (event) => destination.write(`${JSON.stringify(event)}\n`);
}

/** The event of a line that {@link eventLog} wrote; undefined of any other line, such as one of the log. */
export function eventOfLine(line: string): MailEvent | undefined {
  if (!line.startsWith('{"type":"')) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a line of our own, which no other part begins like this
  return JSON.parse(line) as MailEvent;
}

/** One sink out of several: each gets every event, in this order. */
export function tee(...sinks: readonly EventSink[]): EventSink {
  return (event) => {
    for (const sink of sinks) sink(event);
  };
}
