/** A process that starts a second kubelet and waits to be killed. Arguments: kubeconfig, URL. */
import { startKubelet } from "./kubelet.ts";

const [kubeconfig = "", url = ""] = process.argv.slice(2);
await startKubelet({ kubeconfig, url, nodeName: "node-2" });
console.log("ready");
