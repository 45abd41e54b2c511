/** Whether what a steady load sent has arrived. */
import type { MxSink } from "./mx-sink.ts";
import type { SteadyLoad } from "./steady-load.ts";
import { until } from "./until.ts";

type Taken = Pick<SteadyLoad, "accepted">;

/** Message-IDs of what was taken and is not in the sink. */
export function missing({ accepted }: Taken, { received }: Pick<MxSink, "received">): readonly string[] {
  const ids = received.map(({ content }) => /^Message-ID: <(.*)>/im.exec(content.toString())?.[1] ?? "");
  const arrived = new Set(ids);
  return [...accepted].filter((id) => !arrived.has(id));
}

/** Resolves when two messages more were taken, and all that were taken until then have arrived; each within a minute. */
export async function moreArrives(load: Taken, sink: MxSink): Promise<void> {
  const enough = load.accepted.size + 2;
  await until("more is taken", async () => load.accepted.size >= enough || undefined, 60_000);
  const accepted = new Set(load.accepted);
  await sink.waitFor(() => missing({ accepted }, sink).length === 0, 60_000);
}
