import { type Elector, startElector } from "../../cluster/kubernetes/elector.ts";
import type { StubCluster } from "./stub-cluster.ts";

/** An elector beside a cluster on a stub API server, by the clock of the test. What becomes of it is written to `said`. */
export function standForLead({ api, clock, log }: StubCluster, said: string[]): Elector {
  return startElector({
    api,
    namespace: "posthouse-system",
    name: "posthouse-operator",
    identity: "a",
    clock,
    elapsed: () => clock.now(),
    random: () => 0,
    log,
    onStartedLeading: () => void said.push("leading"),
    onStoppedLeading: () => void said.push("stopped"),
  });
}
