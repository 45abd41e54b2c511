/** Replaces `$(NAME)` by the value of that variable; one that has none stays as it is written, and `$$` is a plain `$`. */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  const known = new Map(Object.entries(variables));
  return text.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (written, name: string | undefined) =>
    name === undefined ? "$" : (known.get(name) ?? written),
  );
}
