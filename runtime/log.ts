import pino from "pino";

/** A structured logger; the name of the part stands in `part`. */
export type Logger = pino.Logger;

/** Field names whose values never reach a log, at the top or one level down. */
const secret = ["password", "privateKey", "secret", "authorization", "content", "body", "apiKey", "token"];

export interface LogOptions {
  readonly level: string;
  /** Where lines go. */
  readonly destination: pino.DestinationStream;
}

/** A logger of one JSON line an entry, RFC 3339 times, with secret fields censored. */
export function createLogger(options: LogOptions): Logger {
  const paths = secret.flatMap((name) => [name, `*.${name}`]);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: "[redacted]" },
      serializers: { err: pino.stdSerializers.err },
    },
    options.destination,
  );
}

/**
 * Where a process logs whose standard output another one reads: each line is handed over before the call returns, so that
 * not even a kill takes back what was said.
 */
export function lineLog(): pino.DestinationStream {
  return pino.destination({ dest: 1, sync: true });
}

/**
 * Where a long-running process logs: standard output. JSON lines when it is piped; lines for people when it is a terminal.
 */
export async function processLog(): Promise<pino.DestinationStream> {
  if (!process.stdout.isTTY) return pino.destination({ dest: 1, sync: false });
  const { default: pretty } = await import("pino-pretty");
  return pretty({
    colorize: true,
    singleLine: true,
    sync: true,
    translateTime: "SYS:HH:MM:ss",
    ignore: "part",
    // A log line names its part, an event its type.
    messageFormat: (entry, key) => [entry["part"] ?? entry["type"], entry[key]].filter(Boolean).join(": "),
  });
}
