import { hash } from "node:crypto";
import { Counter, type Registry } from "prom-client";
import type { Cancel, Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { ApiError, isApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import {
  due,
  emptyBook,
  enter,
  forget,
  usualLimits,
  written,
  type EventBook,
  type Happening,
  type Series,
} from "./event-book.ts";
import { microTime } from "./micro-time.ts";

export interface RecorderOptions {
  readonly api: Pick<Api, "request">;
  /** Which program tells it, a qualified name such as `posthouse.dev/operator`. */
  readonly controller: string;
  /** Which process. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Registry;
}

/** Tells people of what happens, as Events (events.k8s.io/v1) beside the objects. It never fails and nobody waits for it. */
export interface Recorder {
  /** Takes in a happening; it is written in its own time, with others that belong to it, or left out when it is too much. */
  readonly record: (happening: Happening) => void;
  /** Writes what is open if that is quick, and ends. */
  readonly stop: () => Promise<void>;
}

interface Recording extends RecorderOptions {
  readonly book: EventBook;
  readonly dropped: (count: number, why: "limit" | "refused" | "unavailable") => void;
}

/** How long what could not be written is tried, and pauses between tries. Milliseconds. */
const patience = 300_000;
const longestPause = 30_000;
const requestDeadline = 10_000;
const stopDeadline = 2000;

/** The API takes notes of so many octets, and names of reporting instances of so many characters. */
const longestNote = 1024;
const longestInstance = 128;

/** Starts with nothing to tell. */
export function createRecorder(options: RecorderOptions): Recorder {
  const { clock } = options;
  const recording: Recording = { ...options, book: emptyBook(), dropped: dropCounter(options.metrics) };
  const { book } = recording;
  let planned: { readonly at: number; readonly cancel: Cancel } | undefined;
  let writing: Promise<void> | undefined;
  let failures = 0;
  let isStopped = false;

  const plan = (pause: number): void => {
    const at = clock.now() + pause;
    if (isStopped || writing || (planned && planned.at <= at)) return;
    planned?.cancel();
    planned = { at, cancel: clock.after(pause, () => void (writing = round())) };
  };
  const round = async (): Promise<void> => {
    planned = undefined;
    failures = (await writeDue(recording, () => isStopped)) ? 0 : failures + 1;
    writing = undefined;
    const pause = failures > 0 ? retryPause(failures) : 0;
    const { keys, nextAt } = due(book, clock.now());
    if (keys.length > 0) plan(pause);
    else if (nextAt !== undefined) plan(Math.max(pause, nextAt - clock.now()));
  };
  return {
    record(happening) {
      if (isStopped) return;
      recording.dropped(enter(book, happening, clock.now()), "limit");
      // What failed may have been given up meanwhile, with nothing left to plan the next try.
      plan(failures === 0 ? usualLimits.settle : retryPause(failures));
    },
    async stop() {
      isStopped = true;
      planned?.cancel();
      await writing;
      await writeRest(recording);
    },
  };
}

function retryPause(failures: number): number {
  return Math.min(longestPause, 500 * 2 ** Math.min(failures, 10));
}

/** Writes what is due. False: the server could not be reached or asks for patience. */
async function writeDue(recording: Recording, isStopped: () => boolean): Promise<boolean> {
  const { book, clock } = recording;
  for (const key of due(book, clock.now()).keys) {
    if (isStopped()) return true;
    if (!(await writeOne(recording, key, requestDeadline))) return false;
  }
  return true;
}

async function writeRest(recording: Recording): Promise<void> {
  const { book, clock } = recording;
  const until = clock.now() + stopDeadline;
  for (const key of book.open) {
    const left = until - clock.now();
    if (left <= 0 || !(await writeOne(recording, key, left))) return;
  }
}

/** Writes one Event or its count. False: try again later. */
async function writeOne(recording: Recording, key: string, deadline: number): Promise<boolean> {
  const { book, clock, log, dropped } = recording;
  const series = book.series.get(key);
  if (series === undefined) return true;
  try {
    await (series.written ? count(recording, key, series, deadline) : create(recording, key, series, deadline));
    written(book, key, series, clock.now());
    return true;
  } catch (error) {
    const isFinal = error instanceof ApiError && error.code < 500 && error.code !== 429;
    const isOld = clock.now() - series.lastAt > patience;
    if (!isFinal && !isOld) return false;
    // An Event is for people and decides nothing: a namespace that ends refuses it, and so may a Role.
    log.debug({ err: error, regarding: series.happening.regarding }, "an Event was left out");
    dropped(1, isFinal ? "refused" : "unavailable");
    forget(book, key);
    return isFinal;
  }
}

async function create(recording: Recording, key: string, series: Series, deadline: number): Promise<void> {
  const { api, controller, instance } = recording;
  const { regarding, type, reason, action } = series.happening;
  const { namespace } = regarding;
  const body = {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { namespace, name: nameOf(key, series) },
    eventTime: microTime(series.firstAt),
    reportingController: controller,
    reportingInstance: instance.slice(0, longestInstance),
    type,
    reason,
    action,
    regarding,
    note: shortened(series.notes.join(" ")),
    ...(series.count > 1 && seriesOf(series)),
  };
  await api.request({ method: "POST", path: pathOf(namespace), body, deadline }).catch((error: unknown) => {
    // An answer got lost: it stands there.
    if (!isApiError(error, 409)) throw error;
  });
}

async function count(recording: Recording, key: string, series: Series, deadline: number): Promise<void> {
  const path = `${pathOf(series.happening.regarding.namespace)}/${encodeURIComponent(nameOf(key, series))}`;
  const contentType = "application/merge-patch+json";
  await recording.api.request({ method: "PATCH", path, body: seriesOf(series), contentType, deadline });
}

function seriesOf({ count: times, lastAt }: Series) {
  return { series: { count: times, lastObservedTime: microTime(lastAt) } };
}

/** The same name at each try, so that a lost answer makes no second Event. */
function nameOf(key: string, { happening, firstAt }: Series): string {
  const start = happening.regarding.name.slice(0, 200).replace(/[^a-z0-9]+$/, "");
  return `${start}.${hash("sha256", `${key} ${firstAt}`).slice(0, 16)}`;
}

function pathOf(namespace: string): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}

/** At most so many octets of UTF-8, cut between characters. */
function shortened(note: string): string {
  const octets = Buffer.from(note);
  if (octets.length <= longestNote) return note;
  const cut = octets.subarray(0, longestNote - 3).toString("utf8");
  return `${cut.replace(/\uFFFD+$/, "")}...`;
}

function dropCounter(metrics: Registry | undefined): Recording["dropped"] {
  if (metrics === undefined) return () => undefined;
  const counter = new Counter({
    name: "posthouse_events_dropped_total",
    help: "Events that were left out: an object told too much, the API server refused them, or it was not there.",
    labelNames: ["why"],
    registers: [metrics],
  });
  return (times, why) => counter.inc({ why }, times);
}
