/** An object of the stub API server: whatever it is, it has metadata. */
export interface StubObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** What a list or a watch of the stub API server is about: the collection's path and its selectors. */
export function selectorOf(collection: string, query: URLSearchParams): (path: string, object: StubObject) => boolean {
  const [, root = "", namespace, plural = ""] = /^(.*?)(?:\/namespaces\/([^/]+))?\/([a-z]+)$/.exec(collection) ?? [];
  const labels = termsOf(query.get("labelSelector"));
  const fields = termsOf(query.get("fieldSelector")).filter(({ key }) => key === "metadata.namespace");
  return (path, { metadata }) =>
    path.startsWith(`${root}/namespaces/${namespace ?? metadata.namespace}/${plural}/`) &&
    labels.every((term) => term.holds(metadata.labels?.[term.key])) &&
    fields.every((term) => term.holds(metadata.namespace));
}

interface Term {
  readonly key: string;
  readonly holds: (value: string | undefined) => boolean;
}

/** `key=value`, `key!=value` and `key`, separated by commas. */
function termsOf(selector: string | null): readonly Term[] {
  return (selector ?? "")
    .split(",")
    .filter((term) => term !== "")
    .map((term) => {
      const [, key = "", sign, value] = /^([^!=]+)(!?=)?(.*)$/.exec(term) ?? [];
      if (sign === undefined) return { key, holds: (found) => found !== undefined };
      return { key, holds: (found) => (found === value) === (sign === "=") };
    });
}
