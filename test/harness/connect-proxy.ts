/** An HTTP proxy that makes tunnels (CONNECT) for whoever shows the right user and password. */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface ConnectProxy {
  /** `host:port`. */
  readonly address: string;
  /** Where tunnels were made to, `host:port` each. */
  readonly tunnels: readonly string[];
  readonly close: () => Promise<void>;
}

/** Starts one for who shows `login`, which is `user:password`. */
export async function startConnectProxy(login: string): Promise<ConnectProxy> {
  const expected = `Basic ${Buffer.from(login).toString("base64")}`;
  const tunnels: string[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on("connect", ({ url = "", headers }, client: Duplex) => {
    if (headers["proxy-authorization"] !== expected) {
      client.end(
        "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
      );
      return;
    }
    tunnels.push(url);
    const { hostname: host, port } = new URL(`http://${url}`);
    const upstream: Socket = connect({ host, port: Number(port) });
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => socket.destroy()));
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tunnels,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
