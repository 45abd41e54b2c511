import { ApiError } from "./api-error.ts";

const shortest = 800;
const longest = 30_000;
/** Proxies ask for hours, and the server behind them is back in a minute. */
const mostAsked = 60_000;

/**
 * Milliseconds to wait before the next attempt after so many failures in a row, 1 or more: doubling up to half a minute,
 * half of it by chance, and never less than the server asks for, if that is a minute at most.
 */
export function pauseAfter(failures: number, error: unknown, random: () => number): number {
  const grown = Math.min(longest, shortest * 2 ** Math.min(failures - 1, 10));
  const asked = error instanceof ApiError ? Math.min(mostAsked, error.retryAfter ?? 0) : 0;
  return Math.max(grown * (0.5 + random() * 0.5), asked * (1 + random() * 0.2));
}
