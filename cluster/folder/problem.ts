/** Something wrong in a manifest, and where. */
export interface Problem {
  /** The file as people name it: its path within the manifests folder, or as it was given. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** `Kind namespace/name`, where the document says so. */
  readonly object?: string;
  /** Where in the object; empty for the document as a whole. */
  readonly path: string;
  /** What was broken: a keyword of the schema, `unknown-field`, a CEL expression, `syntax`, `duplicate` or `unreadable`. */
  readonly rule: string;
  readonly message: string;
}

/** A problem as one line: `file:line:column: Kind namespace/name: path: message`. */
export function problemText(problem: Problem): string {
  const { file, line, column, object, path, message } = problem;
  const parts = [`${file}:${line}:${column}`, object, path === "" ? undefined : path, message];
  return parts.filter((part) => part !== undefined).join(": ");
}

/** Problems in the order of files, lines and columns. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => {
    if (a.file !== b.file) return a.file < b.file ? -1 : 1;
    return a.line - b.line || a.column - b.column;
  });
}
