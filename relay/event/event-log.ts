import type { DestinationStream } from "pino";
import type { EventSink } from "./event.ts";

/**
 * A sink that writes each event as one line of JSON, nothing else on it, to a destination as pino makes them
 * (`pino.destination`, which buffers and reopens). `JSON.stringify` escapes every line end within.
 */
export function eventLog(destination: DestinationStream): EventSink {
  return (event) => destination.write(`${JSON.stringify(event)}\n`);
}

/** One sink out of several: each gets every event, in this order. */
export function tee(...sinks: readonly EventSink[]): EventSink {
  return (event) => {
    for (const sink of sinks) sink(event);
  };
}
