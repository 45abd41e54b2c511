/** The API server refused a request; what it said is in the message. Other errors are of the transport, and temporary. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status, or `code` of a Status in a watch. */
  readonly code: number;
  /** `reason` of the Status, such as `AlreadyExists`, `Conflict`, `Invalid`, `Expired`; empty where none was given. */
  readonly reason: string;
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfter?: number;
  /** Nothing was written: the server did not take the request, or a webhook that it asks before it writes did not answer. */
  readonly notWritten: boolean;
  constructor(message: string, status: { code: number; reason: string; retryAfter?: number }) {
    super(message);
    this.code = status.code;
    this.reason = status.reason;
    const isOurs = status.code >= 400 && status.code < 500 && status.code !== 408;
    this.notWritten = isOurs || (status.code === 500 && message.includes("failed calling webhook"));
    if (status.retryAfter !== undefined) this.retryAfter = status.retryAfter;
  }
}

/** Whether an error is the API server's answer of one of these HTTP statuses. */
export function isApiError(error: unknown, ...codes: readonly number[]): error is ApiError {
  return error instanceof ApiError && codes.includes(error.code);
}

/** Whether the API server says itself that an object is not there; a 404 in other words is a proxy's, or of a path. */
export function isNotFound(error: unknown): error is ApiError {
  return isApiError(error, 404) && error.reason === "NotFound";
}

/**
 * The error that a metav1.Status tells of; `what` names the request. `status` may be anything: a proxy on the way answers
 * in its own words. `retryAfter` is the header of that name, in seconds.
 */
export function statusError(what: string, code: number, status: unknown, retryAfter?: string): ApiError {
  const { message, reason, details, code: said } = fields(status);
  const { retryAfterSeconds } = fields(details);
  const seconds = Number(retryAfter ?? retryAfterSeconds ?? Number.NaN);
  const text = typeof message === "string" && message !== "" ? message : "no reason given";
  const finalCode = code === 0 && typeof said === "number" ? said : code;
  return new ApiError(`${what}: ${finalCode} ${text}`, {
    code: finalCode,
    reason: typeof reason === "string" ? reason : "",
    ...(Number.isFinite(seconds) && seconds >= 0 && { retryAfter: seconds * 1000 }),
  });
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
