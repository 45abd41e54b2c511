import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

/** A raw SMTP client: sends exactly the octets that it is given, and returns replies as text. */
export interface Dialogue {
  /** Sends octets as they are. */
  write(octets: string | Buffer): void;
  /** The next whole reply, its lines joined by "\n"; "" when the connection has ended. */
  reply(): Promise<string>;
  /** Sends a line with CRLF and returns the reply. */
  say(line: string): Promise<string>;
  /** Turns to TLS on this connection, without STARTTLS. */
  secure(): Promise<void>;
  /** Resolves with all that still came when the server has closed. */
  ended(): Promise<string>;
  /** The socket in use now. */
  readonly socket: () => Socket | TLSSocket;
  close(): void;
  /** Ends the connection with RST. */
  reset(): void;
}

export interface DialogueOptions {
  /** 127.0.0.1 when absent. */
  readonly host?: string;
  readonly port: number;
  /** TLS from the first octet. */
  readonly implicitTls?: boolean;
}

/** Connects; the greeting is the first reply. */
export async function dialogue(options: DialogueOptions): Promise<Dialogue> {
  const { host = "127.0.0.1", port, implicitTls = false } = options;
  const tcp = connect({ port, host });
  tcp.on("error", () => undefined);
  let socket: Socket | TLSSocket = implicitTls ? connectTls({ socket: tcp, rejectUnauthorized: false }) : tcp;
  let text = "";
  let over = false;
  let wake: (() => void) | undefined;
  const closed = Promise.withResolvers<void>();
  const listen = (): void => {
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      wake?.();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      over = true;
      wake?.();
      closed.resolve();
    });
  };
  const change = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  listen();
  await new Promise((resolve, reject) => {
    socket.once(implicitTls ? "secureConnect" : "connect", resolve);
    socket.once("error", reject);
    tcp.once("error", reject);
  });
  socket.setNoDelay(true);

  const reply = async (): Promise<string> => {
    for (;;) {
      const whole = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(text)?.[0];
      if (whole !== undefined) {
        text = text.slice(whole.length);
        return whole.slice(0, -2).replaceAll("\r\n", "\n");
      }
      if (over) return "";
      await change();
    }
  };
  return {
    write: (octets) => void socket.write(octets),
    reply,
    say(line) {
      socket.write(`${line}\r\n`);
      return reply();
    },
    async secure() {
      const plain = socket;
      plain.removeAllListeners("data");
      socket = connectTls({ socket: plain, rejectUnauthorized: false });
      listen();
      await new Promise((resolve, reject) => {
        socket.once("secureConnect", resolve);
        socket.once("error", reject);
      });
    },
    async ended() {
      await closed.promise;
      return text;
    },
    socket: () => socket,
    close: () => void socket.destroy(),
    reset: () => void tcp.resetAndDestroy(),
  };
}
