import { createHash } from "node:crypto";
import { isWithin, type Clock } from "../../runtime/clock.ts";
import { isApiError } from "./api-error.ts";
import type { Api } from "./api.ts";

/** What the API server says of a token. */
export type TokenVerdict =
  /** It stands for this user, such as `system:serviceaccount:NAMESPACE:NAME`, and is meant for the audience. */
  | { readonly kind: "User"; readonly name: string }
  /** It is no token, has expired, or is meant for somebody else. */
  | { readonly kind: "Nobody" }
  /** This process may not ask. */
  | { readonly kind: "Forbidden" }
  /** The API server cannot be asked now. */
  | { readonly kind: "Unavailable"; readonly why: string };

export interface TokenReviewOptions {
  readonly api: Pick<Api, "request">;
  /** Whom tokens must be meant for. */
  readonly audience: string;
  readonly clock: Pick<Clock, "now">;
}

/** Milliseconds for which a verdict holds: a token that was withdrawn is good for so much longer. */
const lifetime = 30_000;
/** Milliseconds for which it is not asked again whether this process may ask. */
const forbiddenFor = 60_000;
const deadline = 5000;
/** Verdicts that are remembered, and questions that run at the same time: whoever sends made-up tokens costs no more. */
const most = { remembered: 256, running: 4 };
const longestToken = 16_384;

interface Remembered {
  readonly verdict: TokenVerdict;
  readonly at: number;
}

/**
 * Asks the API server whose tokens are (authentication.k8s.io/v1 TokenReview), each once in a while. Never rejects. Tokens are
 * remembered by their hash alone.
 */
export function tokenReviewer(options: TokenReviewOptions): (token: string) => Promise<TokenVerdict> {
  const { clock } = options;
  const known = new Map<string, Remembered>();
  const running = new Map<string, Promise<TokenVerdict>>();
  let forbiddenAt = -Infinity;

  const ask = async (hash: string, token: string): Promise<TokenVerdict> => {
    const verdict = await review(options, token);
    if (verdict.kind === "Forbidden") forbiddenAt = clock.now();
    if (verdict.kind === "User" || verdict.kind === "Nobody") keep(known, hash, { verdict, at: clock.now() });
    return verdict;
  };
  return async (token) => {
    if (token.length > longestToken) return { kind: "Nobody" };
    const hash = createHash("sha256").update(token).digest("hex");
    const before = known.get(hash);
    if (before !== undefined && isWithin(clock.now(), before.at, lifetime)) return before.verdict;
    if (isWithin(clock.now(), forbiddenAt, forbiddenFor)) return { kind: "Forbidden" };
    const same = running.get(hash);
    if (same !== undefined) return same;
    if (running.size >= most.running) return { kind: "Unavailable", why: "too many tokens are asked about" };
    const asked = ask(hash, token).finally(() => running.delete(hash));
    running.set(hash, asked);
    return asked;
  };
}

function keep(known: Map<string, Remembered>, hash: string, verdict: Remembered): void {
  known.delete(hash);
  known.set(hash, verdict);
  const [oldest] = known.keys();
  if (known.size > most.remembered && oldest !== undefined) known.delete(oldest);
}

async function review({ api, audience }: TokenReviewOptions, token: string): Promise<TokenVerdict> {
  try {
    const answer = await api.request({
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/tokenreviews",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token, audiences: [audience] },
      },
      deadline,
    });
    return verdictOf(answer, audience);
  } catch (error) {
    if (isApiError(error, 403)) return { kind: "Forbidden" };
    return { kind: "Unavailable", why: error instanceof Error ? error.message : String(error) };
  }
}

/** An authenticator that knows no audiences leaves them out: what it says is then no word about ours. */
function verdictOf(answer: unknown, audience: string): TokenVerdict {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each member is checked below
  const { status } = (answer ?? {}) as { status?: { authenticated?: unknown; audiences?: unknown; user?: unknown } };
  const { authenticated, audiences, user } = status ?? {};
  const isOurs = Array.isArray(audiences) && audiences.includes(audience);
  if (authenticated !== true || !isOurs || typeof user !== "object" || user === null || !("username" in user))
    return { kind: "Nobody" };
  return typeof user.username === "string" ? { kind: "User", name: user.username } : { kind: "Nobody" };
}
