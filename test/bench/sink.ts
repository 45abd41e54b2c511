/**
 * The sink: a process of its own that accepts every message and throws it away, as cheaply as Node can; no TLS.
 * Run as `node test/bench/sink.ts ADDRESS...`; listens on all of them, at one port. Says `listening <port>`; answers each line of its input with `received <count> <age>`, where age is
 * how many milliseconds ago the last message came.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

let received = 0;
let last = performance.now();

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.write("220 sink.example ESMTP\r\n");
  let text = "";
  let inContent = false;
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    let out = "";
    for (;;) {
      const end = inContent ? text.indexOf("\r\n.\r\n") : text.indexOf("\r\n");
      if (end === -1) break;
      const line = text.slice(0, end);
      text = text.slice(end + (inContent ? 5 : 2));
      if (inContent) {
        inContent = false;
        received += 1;
        last = performance.now();
        out += "250 2.0.0 Ok\r\n";
        continue;
      }
      const verb = line.slice(0, 4).toUpperCase();
      inContent = verb === "DATA";
      out += replies[verb] ?? "250 2.0.0 Ok\r\n";
    }
    if (inContent && text.length > 5) text = keepTail(text);
    if (out !== "") socket.write(out);
    if (out.startsWith("221")) socket.end();
  });
}

const replies: Readonly<Record<string, string>> = {
  EHLO: "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n",
  DATA: "354 Go ahead\r\n",
  QUIT: "221 2.0.0 Bye\r\n",
};

/** Of a content that has not ended, only what may be the beginning of its end matters. */
function keepTail(text: string): string {
  return text.slice(-4);
}

async function listen(host: string, port: number): Promise<number> {
  const server = createServer(serve).listen(port, host);
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

let port = 0;
for (const host of process.argv.slice(2)) port = await listen(host, port);
process.stdout.write(`listening ${port}\n`);
createInterface({ input: process.stdin })
  .on("line", () => process.stdout.write(`received ${received} ${Math.round(performance.now() - last)}\n`))
  .on("close", () => process.exit(0));
