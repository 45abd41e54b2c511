import type { Privileges } from "./container-process.ts";
import type { Image } from "./image.ts";
import type { Container, Pod, PodSecurity } from "./pod.ts";

/** All pods share one network stack, whose sysctls are not theirs to change: a capability does the same for one of them. */
const lowPorts = "net.ipv4.ip_unprivileged_port_start";

/** Who a container runs as: its own word before the pod's, the pod's before the image's. Throws when that breaks `runAsNonRoot`. */
export function privilegesOf(container: Container, { spec }: Pod, image: Image): Privileges {
  const pod = spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const { runAsUser: uid = image.user.uid, runAsGroup, runAsNonRoot } = { ...pod, ...own };
  if (uid === 0 && runAsNonRoot === true) throw new Error("container has runAsNonRoot and image will run as root");
  return {
    uid,
    // A user that the image does not know has the group of root.
    gid: runAsGroup ?? (uid === image.user.uid ? image.user.gid : 0),
    groups: [...(pod.supplementalGroups ?? []), ...(pod.fsGroup === undefined ? [] : [pod.fsGroup])],
    mayGain: own.allowPrivilegeEscalation !== false,
    dropsAll: own.capabilities?.drop?.includes("ALL") === true,
    bindsLowPorts: mayBindLowPorts(pod),
  };
}

function mayBindLowPorts({ sysctls = [] }: PodSecurity): boolean {
  return sysctls.some(({ name, value }) => name === lowPorts && value === "0");
}
