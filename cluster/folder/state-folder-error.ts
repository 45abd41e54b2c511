/** A state folder, or a folder of manifests, that cannot be used. The message is a sentence that says what to do. */
export class StateFolderError extends Error {
  override readonly name = "StateFolderError";
}
