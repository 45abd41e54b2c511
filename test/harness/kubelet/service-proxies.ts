/** Stands in for kube-proxy: listens on the cluster IP of each Service and passes connections on to its pods. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { backendsOf, type Backend, type ServicePort } from "./backends.ts";
import { keyOf, type Pod, type Service } from "./pod.ts";

export interface ServiceProxies {
  /** Listens as these Services want it from now on. */
  update(services: readonly Service[]): void;
}

export interface ServiceProxyOptions {
  readonly pods: () => readonly Pod[];
  /** Where the API server's own Service leads: its endpoints may not be on loopback. */
  readonly apiServer: Backend;
  readonly onError: (message: string) => void;
}

interface Listener {
  service: Service;
  readonly close: () => void;
}

/** Milliseconds until it is heard that a pod is being stopped: from the API server to each kube-proxy that takes its time. */
const lag = 2000;
/** How long a port that another process has is waited for between two tries, in milliseconds. */
const retry = 1000;

/** Proxies of TCP ports. A connection goes to each backend in turn, and ends with the side that ends it. */
export function serviceProxies(options: ServiceProxyOptions): ServiceProxies {
  const listeners = new Map<string, Listener>();
  let turn = 0;
  const chooser = (key: string, port: ServicePort) => (): Backend | undefined => {
    const service = listeners.get(key)?.service;
    if (!service) return undefined;
    if (keyOf(service) === "default/kubernetes") return options.apiServer;
    const backends = backendsOf(service, portNow(service, port), options.pods().map(asHeard));
    return backends[turn++ % Math.max(1, backends.length)];
  };
  return {
    update(services) {
      const wanted = new Map(services.flatMap((service) => addressesOf(service)));
      for (const [key, { close }] of listeners)
        if (!wanted.has(key)) {
          close();
          listeners.delete(key);
        }
      for (const [key, { service, host, port }] of wanted) {
        const listener = listeners.get(key);
        if (listener) listener.service = service;
        else listeners.set(key, { service, close: listen(host, port.port, chooser(key, port), options.onError) });
      }
    },
  };
}

/** A pod as a kube-proxy knows it. */
function asHeard(pod: Pod): Pod {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, ...metadata } = pod.metadata;
  if (deletionTimestamp === undefined) return pod;
  const toldAt = Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return Date.now() - toldAt < lag ? { ...pod, metadata } : pod;
}

/** The port as the Service has it now: its target may have changed. */
function portNow({ spec }: Service, port: ServicePort): ServicePort {
  return spec.ports?.find((now) => now.port === port.port && (now.protocol ?? "TCP") === "TCP") ?? port;
}

function addressesOf(service: Service): readonly [string, { service: Service; host: string; port: ServicePort }][] {
  const { clusterIP: host = "", ports = [] } = service.spec;
  if (host === "" || host === "None") return [];
  const tcp = ports.filter(({ protocol = "TCP" }) => protocol === "TCP");
  return tcp.map((port) => [`${keyOf(service)} ${host}:${port.port}`, { service, host, port }]);
}

function listen(
  host: string,
  port: number,
  choose: () => Backend | undefined,
  onError: (message: string) => void,
): () => void {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)));
    pass(socket, choose());
  });
  const over = new AbortController();
  const attempt = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        server.listen(port, host);
        await once(server, "listening");
        return;
      } catch (error) {
        onError(`${host}:${port}: ${String(error)}`);
        await new Promise((resolve) => setTimeout(resolve, retry));
      }
    }
  };
  void attempt();
  return () => {
    over.abort();
    server.close();
    for (const socket of sockets) socket.destroy();
  };
}

/** Without a backend the connection is reset, as one to a Service without endpoints is refused. */
function pass(client: Socket, backend: Backend | undefined): void {
  client.on("error", () => client.destroy());
  if (!backend) {
    client.resetAndDestroy();
    return;
  }
  const server = connect({ ...backend, allowHalfOpen: true, noDelay: true });
  client.setNoDelay(true);
  server.on("error", () => client.resetAndDestroy());
  server.on("close", () => client.destroy());
  client.on("close", () => server.destroy());
  client.pipe(server);
  server.pipe(client);
}
