import { afterAll, afterEach, beforeAll } from "vitest";
import type { ControlPlane } from "../control-plane.ts";
import { startKubelet, type Kubelet } from "./kubelet.ts";

/** In ms, as for the control plane. */
const patience = 240_000;

/** The kubelet of a test file's control plane. When a test fails, what the containers wrote is shown. */
export function withKubelet(controlPlane: () => ControlPlane): () => Kubelet {
  let running: Kubelet | undefined;
  beforeAll(async () => {
    running = await startKubelet(controlPlane());
  }, patience);
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") console.log(await running?.logs());
  });
  afterAll(() => running?.stop(), patience);
  return () => {
    if (running === undefined) throw new Error("the kubelet runs inside of tests only");
    return running;
  };
}
