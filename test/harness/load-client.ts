import { connect, type TLSSocket } from "node:tls";

/** One authenticated connection that submits one message after the other, as cheaply as Node can. */
export interface LoadClient {
  /** Submits a message, lines ended by CRLF and dots stuffed. Resolves with the reply to the end of DATA, or the first that refuses. */
  send(message: Buffer, ...recipients: readonly [string, ...string[]]): Promise<string>;
  close(): void;
}

export interface LoadClientOptions {
  readonly port: number;
  /** The response of AUTH PLAIN. */
  readonly plain: string;
  readonly sender: string;
  /** False: each command waits for the reply to the one before, as nodemailer does it. */
  readonly pipelining?: boolean;
}

/** Connects over implicit TLS without looking at the certificate. Rejects when it is not let in or the connection ends. */
export async function openLoadClient({
  port,
  plain,
  sender,
  pipelining = true,
}: LoadClientOptions): Promise<LoadClient> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.setNoDelay(true);
  const reply = replies(socket);
  try {
    expectCode(await reply(), "220");
    socket.write("EHLO load.example\r\n");
    expectCode(await reply(), "250");
    socket.write(`AUTH PLAIN ${plain}\r\n`);
    expectCode(await reply(), "235");
  } catch (error) {
    socket.destroy();
    throw error;
  }

  return {
    async send(message, ...recipients) {
      const lines = recipients.map((recipient) => `RCPT TO:<${recipient}>\r\n`);
      const commands = [`MAIL FROM:<${sender}>\r\n`, ...lines, "DATA\r\n"];
      const answers: string[] = [];
      for (const group of pipelining ? [commands.join("")] : commands) {
        socket.write(group);
        const first = await reply();
        // Hung up on: nothing more comes.
        if (first.startsWith("421")) return first;
        answers.push(first);
      }
      while (answers.length < commands.length) answers.push(await reply());
      const refusal = answers.find((answer) => !/^(250|354)/.test(answer));
      // Some recipients were refused and others not: without the content nobody gets it.
      if (refusal !== undefined && answers.at(-1)?.startsWith("354") === true) socket.destroy();
      if (refusal !== undefined) return refusal;
      socket.cork();
      socket.write(message);
      socket.write(".\r\n");
      socket.uncork();
      return reply();
    },
    close: () => socket.destroy(),
  };
}

/** Returns what gives the next whole reply, its last line. */
function replies(socket: TLSSocket): () => Promise<string> {
  let rest = "";
  const arrived: string[] = [];
  let waiting: PromiseWithResolvers<string> | undefined;
  let failure: Error | undefined;
  socket.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    arrived.push(...lines.filter((line) => line[3] !== "-"));
    if (waiting === undefined || arrived.length === 0) return;
    waiting.resolve(arrived.shift() ?? "");
    waiting = undefined;
  });
  const fail = (error: Error): void => {
    failure ??= error;
    waiting?.reject(failure);
    waiting = undefined;
  };
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the connection ended")));
  return async () => {
    const next = arrived.shift();
    if (next !== undefined) return next;
    if (failure !== undefined) throw failure;
    waiting = Promise.withResolvers();
    return waiting.promise;
  };
}

function expectCode(answer: string, code: string): void {
  if (!answer.startsWith(code)) throw new Error(`expected ${code}, got: ${answer}`);
}
