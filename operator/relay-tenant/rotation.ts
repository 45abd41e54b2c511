import type { RelayTenantSpec } from "../../crds/relay-tenant.ts";
import { parseDuration } from "../../runtime/duration.ts";
import { problem, type Problem } from "../reasons.ts";

type RotationSpec = RelayTenantSpec["environments"][number]["credentials"][number]["rotation"];

/** When a credential's key is replaced, and how long the old one works; in milliseconds. */
export interface Rotation {
  /** Age at which the key is replaced; absent when people say when. */
  readonly every?: number;
  readonly overlap: number;
  /** A replaced key that is in use after the overlap is kept. */
  readonly keepWhileUsed: boolean;
}

const hour = 3_600_000;

/** Reads a spec. Total: what the schema should have refused counts as its default. */
export function rotationOf({ schedule, every, overlap, oldKeys }: RotationSpec): Rotation {
  const wanted = schedule === "Interval" ? duration(every, 0) : 0;
  return {
    ...(wanted > 0 && { every: Math.max(hour, wanted) }),
    overlap: duration(overlap, 24 * hour),
    keepWhileUsed: oldKeys === "KeepWhileUsed",
  };
}

function duration(text: string | undefined, otherwise: number): number {
  try {
    return text === undefined ? otherwise : parseDuration(text);
  } catch {
    return otherwise;
  }
}

/** What the annotation `posthouse.dev/rotate` of a RelayTenant asks for. */
export interface RotateNow {
  /** Tokens, by `<environment>/<credential>`. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}

const entryForm =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-a-z0-9]*[a-z0-9])?)=([A-Za-z0-9][-A-Za-z0-9._:+]{0,63})$/;

/**
 * Reads `<environment>/<credential>=<token>`, several separated by commas. What cannot be read, or names no credential of
 * the spec, is a problem: whoever rotates a leaked key must not believe that it was done.
 */
export function parseRotateNow(text: string | undefined, credentials: ReadonlySet<string>): RotateNow {
  const entries = (text ?? "").split(",").map((entry) => entry.trim());
  const tokens = new Map<string, string>();
  const problems: Problem[] = [];
  for (const entry of entries.filter((each) => each !== "")) {
    const [, credential = "", , , token = ""] = entryForm.exec(entry) ?? [];
    if (credential === "") problems.push(invalid(`${JSON.stringify(entry.slice(0, 200))} is not of that form.`));
    else if (!credentials.has(credential)) problems.push(invalid(`There is no credential ${credential}.`));
    else if (tokens.has(credential)) problems.push(invalid(`It names the credential ${credential} twice.`));
    else tokens.set(credential, token);
  }
  return { tokens, problems };
}

function invalid(found: string): Problem {
  return problem("RotateAnnotationInvalid", `The annotation posthouse.dev/rotate cannot be carried out: ${found}`);
}
