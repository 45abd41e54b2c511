/**
 * An authoritative DNS server on loopback, over UDP and TCP on one port (RFC 1035, RFC 6891, RFC 7766), for tests, the
 * demo and the bench. Its records change while it runs, and it can be told to fail in the ways that real servers do.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { plainName, type Zone, type ZoneRecord } from "./zone-data.ts";
import { questionOf, respond, type Failure, type ZoneQuery } from "./zone-packet.ts";

export interface ZoneServerOptions {
  readonly zones: readonly Zone[];
  readonly records?: readonly ZoneRecord[];
  /** A loopback address; 127.0.0.1 when absent. */
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
  /** Called for each question, before it is answered. */
  readonly onQuery?: (query: ZoneQuery) => void;
  /** The records at a name, above it and below it, where there are too many to look through for each question; those alone count then. */
  readonly recordsNear?: (name: string) => readonly ZoneRecord[];
}

/** A running server. */
export interface ZoneServer {
  readonly port: number;
  /** `host:port`, as resolvers are written. */
  readonly address: string;
  /** Adds records; what is there already stays. */
  publish(...records: readonly ZoneRecord[]): void;
  /** Takes every record of a name away, or those of one type. Returns how many went. */
  withdraw(name: string, type?: ZoneRecord["type"]): number;
  /** Fails for a name from now on, or no longer. */
  fail(name: string, failure: Failure | undefined): void;
  /** Stops; open connections are dropped. */
  close(): Promise<void>;
}

/** What the server does with one query: undefined is silence. */
type Respond = (octets: Buffer, transport: ZoneQuery["transport"]) => Buffer | undefined;

/** Starts a server. */
export async function startZoneServer(options: ZoneServerOptions): Promise<ZoneServer> {
  const { zones, onQuery, recordsNear, host = "127.0.0.1" } = options;
  const failures = new Map<string, Failure>();
  let records: readonly ZoneRecord[] = options.records ?? [];
  let serial = 1;

  const onOctets: Respond = (octets, transport) => {
    const question = questionOf(octets);
    if (question) onQuery?.({ name: plainName(question.name), type: question.type, transport });
    const near = question && recordsNear?.(plainName(question.name));
    return respond({ zones, records: near ?? records, serial, failures }, octets, transport);
  };
  const { udp, tcp, port } = await listen(host, options.port ?? 0);
  serveUdp(udp, onOctets);
  const sockets = serveTcp(tcp, onOctets);

  return {
    port,
    address: `${host}:${port}`,
    publish(...added) {
      records = [...records, ...added];
      serial++;
    },
    withdraw(name, type) {
      const before = records.length;
      const goes = (record: ZoneRecord): boolean =>
        plainName(record.name) === plainName(name) && (type === undefined || record.type === type);
      records = records.filter((record) => !goes(record));
      serial++;
      return before - records.length;
    },
    fail(name, failure) {
      if (failure) failures.set(plainName(name), failure);
      else failures.delete(plainName(name));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = [once(udp, "close"), once(tcp, "close")];
      udp.close();
      tcp.close();
      await Promise.all(closed);
    },
  };
}

function serveUdp(socket: UdpSocket, onOctets: Respond): void {
  socket.on("message", (octets, from) => {
    const back = onOctets(octets, "UDP");
    if (back) socket.send(back, from.port, from.address);
  });
  // A client that is gone by now comes back as an error of the socket (ICMP port unreachable).
  socket.on("error", () => undefined);
}

/** Binds UDP and TCP to one port; a port that one of them has and the other not is given up for another. */
async function listen(host: string, wanted: number): Promise<{ udp: UdpSocket; tcp: Server; port: number }> {
  for (let tries = 1; ; tries++) {
    const udp = createSocket("udp4");
    udp.bind(wanted, host);
    await once(udp, "listening");
    const { port } = udp.address();
    const tcp = createServer();
    tcp.listen(port, host);
    try {
      await once(tcp, "listening");
      return { udp, tcp, port };
    } catch (error) {
      udp.close();
      if (wanted !== 0 || tries === 10) throw error;
    }
  }
}

/** Answers queries with a length before each, several on one connection. Returns the open connections. */
function serveTcp(server: Server, onOctets: Respond): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let received: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, typeof chunk === "string" ? Buffer.from(chunk) : chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const octets = onOctets(received.subarray(2, end), "TCP");
        received = received.subarray(end);
        if (!octets) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(octets.length);
        socket.write(Buffer.concat([length, octets]));
      }
    });
  });
  return sockets;
}
