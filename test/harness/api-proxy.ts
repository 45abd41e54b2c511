/** A TCP proxy in front of an API server that goes wrong as networks do. It sees bytes, not requests: the TLS goes through. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface ApiProxy {
  readonly port: number;
  /** Connections made so far. */
  connections: number;
  /** Breaks every connection with RST. */
  readonly reset: () => void;
  /** Closes the server's half of every connection. */
  readonly halfClose: () => void;
  /** Connections stay, and nothing passes on those there are, until {@link ApiProxy.reset}. New ones work. */
  readonly stall: () => void;
  /** While true, new connections are broken at once. */
  refuses: boolean;
  /** While true, new connections are made, and nothing passes on them until {@link ApiProxy.reset}. */
  isSilent: boolean;
  readonly close: () => Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** Starts one in front of a port of 127.0.0.1. */
export async function startApiProxy(target: number): Promise<ApiProxy> {
  const pairs = new Set<Pair>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    proxy.connections++;
    if (proxy.refuses) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: "127.0.0.1", port: target, allowHalfOpen: true });
    const pair = { client, upstream };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
    if (proxy.isSilent) return;
    client.pipe(upstream);
    upstream.pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: ApiProxy = {
    port: (server.address() as AddressInfo).port,
    connections: 0,
    reset: () => pairs.forEach(({ client }) => client.resetAndDestroy()),
    halfClose: () => pairs.forEach(({ client }) => client.end()),
    stall: () => pairs.forEach(stop),
    refuses: false,
    isSilent: false,
    async close() {
      for (const { client, upstream } of pairs) [client, upstream].forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function stop({ client, upstream }: Pair): void {
  client.unpipe(upstream);
  upstream.unpipe(client);
  client.pause();
  upstream.pause();
}
