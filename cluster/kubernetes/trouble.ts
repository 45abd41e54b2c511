import type { Logger } from "../../runtime/log.ts";
import { isApiError } from "./api-error.ts";
import { sourceText, type Source } from "./sources.ts";
import { resourceName } from "./resources.ts";

/** The API server cannot be worked with as things stand; the message says what to do. */
export class KubernetesError extends Error {
  override readonly name = "KubernetesError";
}

/** What is wrong with lists and watches. */
export interface Troubles {
  /** Takes note of a failure, and tells of it unless it was the last one of this source too. */
  readonly onTrouble: (source: Source, error: unknown) => void;
  /** What the API server refused of a source in its last failure, for people; undefined when it was none of a refusal. */
  readonly refusal: (source: Source) => string | undefined;
}

/** Begins without any. */
export function createTroubles(log: Logger): Troubles {
  const troubles = new Map<Source, { readonly text: string; readonly isRefusal: boolean }>();
  return {
    onTrouble(source, error) {
      const text = troubleText(source, error);
      if (troubles.get(source)?.text !== text)
        log.warn({ trouble: text }, "objects of the cluster cannot be followed for now");
      troubles.set(source, { text, isRefusal: isApiError(error, 401, 403, 404) });
    },
    refusal(source) {
      const trouble = troubles.get(source);
      return trouble?.isRefusal === true ? trouble.text : undefined;
    },
  };
}

/** What is wrong with the list or watch of a source, and what to do about it. */
export function troubleText(source: Source, error: unknown): string {
  const what = sourceText(source);
  const said = error instanceof Error ? error.message : String(error);
  if (isApiError(error, 401))
    return `${what}: the API server does not accept these credentials; is the kubeconfig or the ServiceAccount's token of this cluster? (${said})`;
  if (isApiError(error, 403)) {
    const role = source.namespace === undefined ? "ClusterRole" : "Role";
    return `${what}: not allowed; a ${role} must grant get, list and watch on ${resourceName(source.kind)} (${said})`;
  }
  if (isApiError(error, 404) && source.isOptional === true)
    return `${what}: the API server does not know this kind yet; it is what ExternalDNS brings along`;
  if (isApiError(error, 404) && source.namespace !== undefined)
    return `${what}: the API server does not know this kind or namespace; install Posthouse's CRDs, or make the namespace (${said})`;
  if (isApiError(error, 404))
    return `${what}: the API server does not know this kind; install Posthouse's CRDs (${said})`;
  return `${what}: ${said}`;
}
