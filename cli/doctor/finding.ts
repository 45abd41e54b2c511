/** What one check found. `Bad` makes `posthouse doctor` exit with 1; a remedy says what to do. */
export interface Finding {
  readonly check: string;
  readonly verdict: "Good" | "Warning" | "Bad" | "Skipped";
  readonly found: string;
  readonly remedy?: string;
}

export function good(check: string, found: string): Finding {
  return { check, verdict: "Good", found };
}

/** Not checked, and how it would be. */
export function skipped(check: string, found: string): Finding {
  return { check, verdict: "Skipped", found };
}

export function warning(check: string, found: string, remedy: string): Finding {
  return { check, verdict: "Warning", found, remedy };
}

export function bad(check: string, found: string, remedy: string): Finding {
  return { check, verdict: "Bad", found, remedy };
}
