import type { ClusterObject, Kind, ObjectKey } from "../object.ts";
import { isApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import { fieldsOf, type Decode } from "./objects.ts";
import { collectionPath } from "./resources.ts";
import type { Source } from "./sources.ts";
import type { CompleteList } from "./store.ts";

/** Objects asked for at once: so many that pages are few, so few that one in transit is small beside the cache. */
const pageSize = 250;

/** The query that selects the objects of a source. */
export function selection({ labelSelector, fieldSelector }: Source): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}

/** What listing takes. */
export interface ListParts {
  readonly api: Api;
  /** The object that is in memory already, so that it is not kept twice. */
  readonly known: (key: ObjectKey) => ClusterObject | undefined;
  readonly decode: Decode;
}

/**
 * Lists a source, page by page, as of one moment. When the server can't hold on to that moment long enough, all is
 * asked for at once.
 */
export async function listAll(parts: ListParts, source: Source, signal: AbortSignal): Promise<CompleteList> {
  try {
    return await listPages(parts, source, { signal, limit: String(pageSize) });
  } catch (error) {
    if (!isApiError(error, 410)) throw error;
    return listPages(parts, source, { signal });
  }
}

async function listPages(
  parts: ListParts,
  source: Source,
  { signal, limit }: { readonly signal: AbortSignal; readonly limit?: string },
): Promise<CompleteList> {
  const objects: ClusterObject[] = [];
  let next: string | undefined;
  for (;;) {
    const page = fieldsOf(
      await parts.api.request({
        method: "GET",
        path: collectionPath(source.kind, source.namespace),
        query: { ...selection(source), limit, continue: next },
        deadline: 60_000,
        signal,
      }),
    );
    const { items } = page;
    for (const item of Array.isArray(items) ? items : []) objects.push(oneCopy(source.kind, item, parts));
    const meta = fieldsOf(page["metadata"]);
    const { resourceVersion } = meta;
    if (!Array.isArray(items) && items !== null) throw new Error("the API server's answer is no list");
    if (typeof resourceVersion !== "string") throw new Error("the API server's list has no resourceVersion");
    next = typeof meta["continue"] === "string" && meta["continue"] !== "" ? meta["continue"] : undefined;
    if (next === undefined) return { objects, resourceVersion };
  }
}

/** An object as it is in memory already, in this very version; else as it is read now. What a write has told comes once more by a watch. */
export function oneCopy(kind: Kind, json: unknown, { known, decode }: ListParts): ClusterObject {
  const { name, namespace, uid, resourceVersion } = fieldsOf(fieldsOf(json)["metadata"]);
  const before = known({ kind, namespace: String(namespace), name: String(name) });
  const isSame = before?.metadata.uid === uid && before?.metadata.resourceVersion === resourceVersion;
  return before !== undefined && isSame ? before : decode(kind, json);
}
