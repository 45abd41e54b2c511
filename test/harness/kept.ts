import { afterEach } from "vitest";

/** What tests open. */
export interface Closable {
  close(): Promise<void>;
}

/** Gives tests of a file what keeps things until the test is over, and closes them then, the latest first. Call it at the top. */
export function keepUntilEnd(): <T extends Closable>(opening: Promise<T>) => Promise<T> {
  const closing: Closable[] = [];
  afterEach(async () => {
    for (const opened of closing.splice(0).toReversed()) await opened.close();
  });
  return async (opening) => {
    const opened = await opening;
    closing.push(opened);
    return opened;
  };
}
