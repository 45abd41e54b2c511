/** What a worker tells its primary. */
export type FromWorker =
  /** It listens to its primary, and wants to know its task. */
  | { readonly kind: "Hello" }
  /** It works. */
  | { readonly kind: "Ready" }
  /** It could not start; `message` is for people. Its end follows. */
  | { readonly kind: "Failed"; readonly message: string }
  /** Its event loop turns. */
  | { readonly kind: "Beat" }
  | { readonly kind: "Answer"; readonly id: number; readonly answer: unknown };

/** What a primary tells a worker. Everything survives JSON. */
export type FromPrimary =
  | { readonly kind: "Start"; readonly number: number; readonly task: unknown }
  | { readonly kind: "Ask"; readonly id: number; readonly question: string }
  /** Finish what was begun, and end. */
  | { readonly kind: "Stop" };

/** Milliseconds between two beats, and between two looks at them. */
export const beatInterval = 1000;

const kinds: ReadonlySet<unknown> = new Set(["Hello", "Ready", "Failed", "Beat", "Answer"]);

/** Whether a message on the channel is one of these; libraries may use it too. */
export function isFromWorker(message: unknown): message is FromWorker {
  return typeof message === "object" && message !== null && "kind" in message && kinds.has(message.kind);
}

const primaryKinds: ReadonlySet<unknown> = new Set(["Start", "Ask", "Stop"]);

/** The same for a worker. */
export function isFromPrimary(message: unknown): message is FromPrimary {
  return typeof message === "object" && message !== null && "kind" in message && primaryKinds.has(message.kind);
}
