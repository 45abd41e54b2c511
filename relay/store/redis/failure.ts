import { StoreFull } from "../spool.ts";
import { StoreUnavailable } from "../store.ts";

/** First words of error replies: Redis has no room, on its disk or in its memory. */
const full = new Set(["OOM", "MISCONF"]);
/** First words of error replies that pass, or that somebody must mend in Redis. */
const unavailable: Readonly<Record<string, string>> = {
  READONLY: "it is a replica now; another server should be the primary",
  LOADING: "it reads its data from disk",
  MASTERDOWN: "it is a replica that lost its primary",
  NOREPLICAS: "it has fewer replicas than its min-replicas-to-write",
  BUSY: "it is busy with a script",
  TRYAGAIN: "it says to try again",
  CLUSTERDOWN: "its cluster is down",
  NOAUTH: "it wants a password",
  WRONGPASS: "it refuses the user name or the password",
  CLOSED: "its mail was moved to another store, or is not all here yet: `posthouse store move` says more",
  NOPERM: "it does not permit a command to this user",
};

/** Whether an error is Redis's answer, not that of the way to it. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}

/** The first word of an error reply. */
function wordOf(error: unknown): string {
  return error instanceof Error && isReply(error) ? (error.message.split(/[\s:]/)[0] ?? "") : "";
}

/** Redis does not know a script by its SHA-1. */
export function isUnknownScript(error: unknown): boolean {
  return wordOf(error) === "NOSCRIPT";
}

/** This server takes no writes any more: connect anew, to whoever does. */
export function isReadOnly(error: unknown): boolean {
  return wordOf(error) === "READONLY";
}

/** The command was sent, or not even that, and the connection went before an answer came. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && !isReply(error) && !(error instanceof ServerRefused);
}

/** A command was refused for want of the login that `before` tells to have failed. */
export function isLackOfLogin(error: unknown, before: unknown): boolean {
  return wordOf(error) === "NOAUTH" && wordOf(before) === "WRONGPASS";
}

const forPeople = new Set(["NOAUTH", "WRONGPASS", "NOPERM"]);

/** No other try will do better: somebody must change a password, or the server. */
export function isFinal(error: unknown): boolean {
  return error instanceof ServerRefused || forPeople.has(wordOf(error));
}

/** A server that cannot be used, and why. */
export class ServerRefused extends Error {
  override readonly name = "ServerRefused";
}

/** What the caller of the store gets for an error of a client or of Redis. `server`: for people. */
export function failureOf(error: unknown, server: string): unknown {
  if (error instanceof StoreUnavailable || error instanceof StoreFull || !(error instanceof Error)) return error;
  if (error instanceof ServerRefused) return new StoreUnavailable(`${server} cannot be used: ${error.message}`);
  const word = wordOf(error);
  if (full.has(word))
    return new StoreFull(
      `${server} has no room: ${word === "OOM" ? "its memory is full" : "it cannot write its disk"}`,
    );
  const why = unavailable[word];
  if (why !== undefined) return new StoreUnavailable(`${server} cannot be used: ${why} (${word})`);
  if (isReply(error))
    return /max number of clients/.test(error.message) ? new StoreUnavailable(`${server} has too many clients`) : error;
  return new StoreUnavailable(`${server} cannot be reached: ${reasonOf(error)}`);
}

/** Why a connection failed, without anything that was sent over it. */
export function reasonOf(error: Error): string {
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.name === "MaxRetriesPerRequestError" ? "the connection was lost" : error.message;
}
