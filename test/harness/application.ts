/** Applications: they read their Secret and send, with nodemailer or by hand. */
import { connect, type Socket } from "node:net";
import { createTransport } from "nodemailer";
import { readFolderState } from "../../cluster/folder/read-state.ts";

/** What an application finds in the Secret that Posthouse wrote. */
export interface Credential {
  readonly host: string;
  readonly port: string;
  readonly username: string;
  readonly password: string;
  /** PEM of the certificate to trust. */
  readonly certificates: string;
}

export interface Message {
  readonly from: string;
  readonly to: string | readonly string[];
  readonly subject: string;
}

/** What the Secret of an application in team-shop holds. Throws when there is none. */
export async function readCredential({ state }: { readonly state: string }, name: string): Promise<Credential> {
  const secret = (await readFolderState(state)).get({ kind: "Secret", namespace: "team-shop", name });
  if (secret === undefined) throw new Error(`there is no Secret team-shop/${name} in ${state}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the operator writes the Secret of an application
  return secret.data as unknown as Credential;
}

/** Sends over TLS; the reply to DATA, or the reply of the refusal, with its code. Never rejects for a refusal. */
export async function sendMail(
  credential: Credential,
  message: Message,
  options: { readonly port: number; readonly implicitTls: boolean },
): Promise<{ readonly accepted: boolean; readonly reply: string }> {
  const transport = createTransport({
    host: "127.0.0.1",
    port: options.port,
    secure: options.implicitTls,
    requireTLS: true,
    auth: { user: credential.username, pass: credential.password },
    // The demo's relay calls itself relay.example and listens on 127.0.0.1.
    tls: { ca: credential.certificates, servername: credential.host },
  });
  try {
    const info = await transport.sendMail({ ...message, to: [message.to].flat(), text: `${message.subject}\n` });
    return { accepted: true, reply: info.response };
  } catch (error) {
    const reply = error instanceof Error && "response" in error ? error.response : undefined;
    if (typeof reply !== "string") throw error;
    return { accepted: false, reply };
  } finally {
    transport.close();
  }
}

/** Speaks SMTP in clear: sends each line after a whole reply to the one before. Returns the replies, the greeting first. */
export async function speak(port: number, lines: readonly string[]): Promise<readonly string[]> {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("utf8").setTimeout(10_000, () => socket.destroy(new Error("no reply in 10 s")));
  const replies: string[] = [];
  try {
    for (const line of ["", ...lines]) {
      if (line !== "") socket.write(`${line}\r\n`);
      replies.push(await readReply(socket));
    }
    return replies;
  } finally {
    socket.destroy();
  }
}

/** One reply: lines up to the one whose code is followed by a space. */
function readReply(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: string): void => {
      text += chunk;
      if (!/^\d{3} .*\r\n$/m.test(text)) return;
      socket.off("data", onData).off("error", reject);
      resolve(text.trimEnd());
    };
    socket.on("data", onData).once("error", reject);
  });
}
