import type { Registry } from "prom-client";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { whileAllowed } from "../../runtime/while-allowed.ts";
import { statusError, type ApiError } from "./api-error.ts";
import { openConnections, type Answer } from "./connections.ts";
import { openCredentials, type CredentialSource } from "./credentials.ts";
import { startDeadline, type Deadline } from "./deadline.ts";
import { requestCounter } from "./request-counter.ts";

/** One request to the API server. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path from the server's root, segments escaped by the caller. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; `application/json` when absent. */
  readonly contentType?: string;
  /** The form of the answer that is wanted; `application/json` when absent. */
  readonly accept?: string;
  /** Milliseconds until the whole answer must be there, of a stream until it begins; 30 s when absent. */
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  /** Called each time right before it is sent, the first time or again; when it throws, nothing is. */
  readonly beforeSend?: () => void;
}

/** How a stream is watched over. */
export interface StreamOptions {
  /** Milliseconds without a single byte after which the stream counts as broken; never when absent. */
  readonly silence?: number;
  /** Told when the server has begun to answer. */
  readonly onOpen?: () => void;
}

/** A connection to an API server. An answer that is an error rejects with an `ApiError`; other errors are of the transport and temporary. */
export interface Api {
  /** The answer's JSON, or its text if it is none. */
  request(request: ApiRequest): Promise<unknown>;
  /** Calls `onLine` with each line's JSON; resolves when the server ends the stream. Rejects with what `onLine` throws. */
  stream(request: ApiRequest, onLine: (value: unknown) => void, options?: StreamOptions): Promise<void>;
  /** Breaks off whatever is under way, and refuses what is asked for after that. */
  close(): Promise<void>;
}

export interface ApiOptions extends CredentialSource {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Registry;
}

const usualDeadline = 30_000;
/** How often a request is sent again because the server asked for patience. */
const mostPatience = 5;

/**
 * Opens the way to an API server: one pool of connections, made anew when its credentials change or a connection went
 * deaf; a deadline on every call, its credentials included; a 401 leads to credentials read anew, a 429 to the pause that it asks for.
 * Rejects when there is no readable configuration; whether the server is there shows with the first request.
 */
export async function openApi(options: ApiOptions): Promise<Api> {
  const { clock, log, metrics } = options;
  const credentials = openCredentials(options, clock, log);
  await credentials.current();
  const connections = openConnections(credentials, log, requestCounter(metrics));

  const ask = async (request: ApiRequest, signal: AbortSignal): Promise<Answer> => {
    const used = await whileAllowed(credentials.current(), signal);
    const answer = await connections.send(request, signal);
    if (answer.statusCode !== 401 || !(await whileAllowed(credentials.renew(used), signal))) return answer;
    await answer.body.dump();
    return connections.send(request, signal);
  };
  const begin = ({ deadline = usualDeadline, signal }: ApiRequest): Deadline =>
    startDeadline(clock, deadline, [connections.closing, ...(signal ? [signal] : [])]);
  return {
    async request(request) {
      const deadline = begin(request);
      try {
        for (let patience = mostPatience; ; patience--) {
          const answer = await ask(request, deadline.signal);
          if (answer.statusCode < 400) return contentOf(answer, await answer.body.text());
          const error = await refusal(request, answer);
          if (patience <= 0 || !asksForPatience(error, deadline.left())) throw error;
          await clock.sleep(error.retryAfter ?? 0, deadline.signal);
        }
      } catch (error) {
        throw connections.failure(request, error, deadline.isLate());
      } finally {
        deadline.end();
      }
    },
    async stream(request, onLine, { silence, onOpen } = {}) {
      const deadline = begin(request);
      try {
        const answer = await ask(request, deadline.signal);
        if (answer.statusCode >= 400) throw await refusal(request, answer);
        deadline.move(silence);
        onOpen?.();
        for await (const line of linesOf(answer.body, () => deadline.move(silence))) onLine(parsed(line));
      } catch (error) {
        throw connections.failure(request, error, deadline.isLate());
      } finally {
        deadline.end();
      }
    },
    close: () => connections.close(),
  };
}

function asksForPatience({ code, retryAfter }: ApiError, left: number): boolean {
  return code === 429 && retryAfter !== undefined && retryAfter < left;
}

function contentOf({ headers }: Answer, text: string): unknown {
  return String(headers["content-type"]).startsWith("application/json") ? parsed(text) : text;
}

/** A refusal counts by its HTTP status, whatever is wrong with what it says. */
function statusIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a parser says of text that is no JSON quotes it, and that may be a piece of a Secret. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the answer is no JSON");
  }
}

async function refusal({ method, path }: ApiRequest, answer: Answer): Promise<ApiError> {
  const text = await answer.body.text();
  const isJson = String(answer.headers["content-type"]).startsWith("application/json");
  const status = isJson ? statusIn(text) : { message: text.trim().slice(0, 200) };
  const { "retry-after": retryAfter } = answer.headers;
  return statusError(
    `${method} ${path}`,
    answer.statusCode,
    status,
    typeof retryAfter === "string" ? retryAfter : undefined,
  );
}

/** The lines of a body, empty ones left out; `onBytes` is told of every chunk. */
async function* linesOf(body: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const chunk of body) {
    onBytes();
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      rest.push(Buffer.from(chunk.subarray(from, at)));
      const line = Buffer.concat(rest).toString("utf8").trim();
      rest = [];
      from = at + 1;
      if (line !== "") yield line;
    }
    if (from < chunk.length) rest.push(Buffer.from(chunk.subarray(from)));
  }
}
