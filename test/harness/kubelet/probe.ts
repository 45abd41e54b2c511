/** One look at a container, and the count of looks that a probe asks for. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect } from "node:net";
import { portNumber, type Container, type Handler, type Probe } from "./pod.ts";

/** What a probe can reach. */
export interface Probed {
  readonly podIp: string;
  readonly container: Container;
  /** Runs a command in the container; undefined is too late. */
  exec(command: readonly string[], timeout: number): Promise<number | undefined>;
}

/** Whether a handler succeeds within `timeout` milliseconds. */
export async function look(handler: Handler, probed: Probed, timeout: number): Promise<boolean> {
  const { exec, httpGet, tcpSocket } = handler;
  if (exec) return (await probed.exec(exec.command ?? [], timeout)) === 0;
  const target = httpGet ?? tcpSocket;
  if (!target) return true;
  const port = portNumber(target.port, [probed.container]);
  if (port === undefined) return false;
  const host = target.host ?? probed.podIp;
  return httpGet ? answers(httpGet, { host, port }, timeout) : accepts({ host, port }, timeout);
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function answers(get: NonNullable<Handler["httpGet"]>, address: Address, timeout: number): Promise<boolean> {
  const { path = "/", scheme = "HTTP", httpHeaders = [] } = get;
  const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
  const signal = AbortSignal.timeout(timeout);
  return new Promise((resolve) => {
    const options = { ...address, path, headers, signal, agent: false };
    const onAnswer = ({ statusCode = 0 }: { statusCode?: number }): void =>
      resolve(statusCode >= 200 && statusCode < 400);
    const asked =
      scheme === "HTTPS"
        ? requestHttps({ ...options, rejectUnauthorized: false }, (answer) => onAnswer(answer.resume()))
        : requestHttp(options, (answer) => onAnswer(answer.resume()));
    asked.on("error", () => resolve(false)).end();
  });
}

function accepts({ host, port }: Address, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(timeout) });
    socket.on("connect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });
}

/** What a series of looks has come to. */
export interface Tally {
  readonly successes: number;
  readonly failures: number;
}

/** The tally after one more look, and what it decides, if anything. */
export function count(tally: Tally, succeeded: boolean, probe: Probe): { tally: Tally; verdict?: boolean } {
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  const next = succeeded
    ? { successes: tally.successes + 1, failures: 0 }
    : { successes: 0, failures: tally.failures + 1 };
  if (next.successes >= successThreshold) return { tally: next, verdict: true };
  if (next.failures >= failureThreshold) return { tally: next, verdict: false };
  return { tally: next };
}
