import { afterAll, beforeAll } from "vitest";
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from "./control-plane.ts";

/** In ms: a loaded machine takes its time, and the limits of vitest's configuration are for quicker things. */
const patience = 240_000;

/** The control plane of a test file: started before the file's first test, stopped after its last. */
export function withControlPlane(options: ControlPlaneOptions = {}): () => ControlPlane {
  let running: ControlPlane | undefined;
  beforeAll(async () => {
    running = await startControlPlane(options);
  }, patience);
  afterAll(() => running?.stop(), patience);
  return () => {
    if (running === undefined) throw new Error("the control plane runs inside of tests only");
    return running;
  };
}
