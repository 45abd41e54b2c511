/** What `kubectl logs` asks a kubelet for. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:https";
import { once } from "node:events";
import { join } from "node:path";
import { generate } from "selfsigned";

/** The file of a container's output in the folder of logs. */
export function logFileOf(
  folder: string,
  pod: { readonly namespace: string; readonly name: string },
  container: string,
): string {
  return join(folder, `${pod.namespace}_${pod.name}_${container}.log`);
}

/**
 * Serves `/containerLogs/NAMESPACE/POD/CONTAINER` with `tailLines`; every run of a container is in one log. Listening is also
 * the claim on `host`: of several kubelets on one machine only one can. Resolves to false when another has it.
 */
export async function serveLogs(folder: string, host: string, port: number): Promise<boolean> {
  const { cert, private: key } = await generate([{ name: "commonName", value: "kubelet" }]);
  const server = createServer({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? "/", "https://kubelet");
    const [, what, namespace = "", name = "", container = ""] = url.pathname.split("/");
    const file = logFileOf(folder, { namespace, name }, container);
    if (what !== "containerLogs" || !existsSync(file)) {
      response.writeHead(404).end("no such log\n");
      return;
    }
    const lines = readFileSync(file, "utf8").split(/(?<=\n)/);
    const tail = Number(url.searchParams.get("tailLines") ?? lines.length);
    response.writeHead(200, { "content-type": "text/plain" }).end(lines.slice(-tail || lines.length).join(""));
  });
  server.listen(port, host);
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  }
}
