import { describe } from "vitest";
import { kubernetesTestbed } from "../../test/harness/kubernetes-testbed.ts";
import { withControlPlane } from "../../test/harness/with-control-plane.ts";
import { clusterSuite } from "../port.suite.ts";

const plane = withControlPlane({ crds: true });

describe("the port", () => {
  clusterSuite("a Kubernetes API server", () => kubernetesTestbed(plane()));
});
