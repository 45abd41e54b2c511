import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

/** A way to a TCP server on which each answer is late. */
export interface SlowProxy {
  readonly port: number;
  /** Milliseconds; may be changed at any time. */
  delay: number;
  /** Drops the next answer, and its connection. Resolves when that is done. */
  readonly loseAnswer: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts one in front of a port of 127.0.0.1. Nothing overtakes. */
export async function startSlowProxy(target: number, delay: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>();
  let lost: (() => void) | undefined;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((client) => {
    keep(client);
    const upstream = keep(connect({ host: "127.0.0.1", port: target }));
    client.pipe(upstream);
    let before: Promise<unknown> = Promise.resolve();
    upstream.on("data", (chunk) => {
      if (lost === undefined) {
        const waited = setTimeout(proxy.delay);
        before = before.then(() => waited).then(() => client.write(chunk));
        return;
      }
      client.destroy();
      lost();
      lost = undefined;
    });
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const proxy: SlowProxy = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    delay,
    loseAnswer: () => new Promise((resolve) => (lost = resolve)),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
