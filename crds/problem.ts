/** Where in an object something stands: keys of maps and indexes of lists, from the root. */
export type Place = readonly (string | number)[];

/** What is wrong with an object, one thing at one place. */
export interface AdmissionProblem {
  /** The place as people read it, such as `spec.environments[0].mode`. */
  readonly path: string;
  /** The same as segments. */
  readonly place: Place;
  /** What was broken: a keyword of the schema (`required`, `enum`, ...), `unknown-field`, or a CEL expression. */
  readonly rule: string;
  /** In words, without the path. */
  readonly message: string;
}

/** Says what is wrong at a place. */
export function problemAt(place: Place, rule: string, message: string): AdmissionProblem {
  return { path: placeText(place), place, rule, message };
}

/** A place as people read it: `spec.environments[0].mode`; keys that are no plain words stand in brackets. */
export function placeText(place: Place): string {
  return place.reduce<string>((text, segment) => {
    if (typeof segment === "number") return `${text}[${segment}]`;
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(segment)) return `${text}[${segment}]`;
    return text === "" ? segment : `${text}.${segment}`;
  }, "");
}

/** The problems in the order of their paths, at most one a place: the first that was found. */
export function oneEachPlace(problems: readonly AdmissionProblem[]): readonly AdmissionProblem[] {
  const seen = new Map<string, AdmissionProblem>();
  for (const problem of problems) if (!seen.has(problem.path)) seen.set(problem.path, problem);
  return [...seen.values()];
}
