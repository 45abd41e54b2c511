import { startLineProcess } from "../harness/line-process.ts";
import type { LoadOptions, LoadResult } from "./load.ts";

/** Runs the load in a process of its own. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const program = new URL("load.ts", import.meta.url).pathname;
  const child = startLineProcess([process.execPath, program, JSON.stringify(options)]);
  const result = JSON.parse(await child.saw(/^\{/)) as LoadResult;
  await child.over();
  return result;
}

/** As {@link runLoad}. Rejects when a message was refused. */
export async function runAcceptedLoad(options: LoadOptions): Promise<LoadResult> {
  const result = await runLoad(options);
  if (result.refusal !== undefined) throw new Error(`${result.refused} messages were refused: ${result.refusal}`);
  return result;
}
