/** Starts a control plane, says where it is, and waits to be killed. */
import { startControlPlane } from "./control-plane.ts";

const { folder, etcd, apiServer, controllerManager } = await startControlPlane();
console.log(JSON.stringify({ folder, pids: [etcd.pid(), apiServer.pid(), controllerManager.pid()] }));
setInterval(() => undefined, 60_000);
