import { StoreUnavailable } from "../store.ts";

/** An error for a step of which nothing was sent: it was certainly not taken. After any other one it may have been. */
export function nothingSent(message: string): StoreUnavailable {
  return Object.assign(new StoreUnavailable(message), { nothingSent: true });
}

export function isNothingSent(error: unknown): boolean {
  return error instanceof StoreUnavailable && "nothingSent" in error;
}
