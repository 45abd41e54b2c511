import { isApiError } from "./api-error.ts";
import { sourceText, type Source } from "./sources.ts";
import { resourceName } from "./resources.ts";

/** The API server cannot be worked with as things stand; the message says what to do. */
export class KubernetesError extends Error {
  override readonly name = "KubernetesError";
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
