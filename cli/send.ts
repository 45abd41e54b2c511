import { createTransport } from "nodemailer";
import { type Credential, type CredentialPlace, readCredential } from "./send-credential.ts";
import { exitCode, palette, UserError, type Terminal } from "./terminal.ts";

export interface SendOptions extends CredentialPlace {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly implicitTls: boolean;
}

/** One line of the dialogue: `C: ...` or `S: ...`, without what authenticates. */
export interface DialogueLine {
  readonly side: "C" | "S";
  readonly text: string;
}

const ignore = (): void => undefined;

/** Turns nodemailer's log entries into the lines of the dialogue. The AUTH argument never gets through. */
function dialogueLogger(onLine: (line: DialogueLine) => void): Record<string, (...args: unknown[]) => void> {
  const take = (entry: unknown, text?: unknown): void => {
    if (typeof entry !== "object" || entry === null || !("tnx" in entry)) return;
    const side = entry.tnx === "client" ? "C" : entry.tnx === "server" ? "S" : undefined;
    if (side === undefined || typeof text !== "string") return;
    for (const line of text.trimEnd().split(/\r?\n/))
      onLine({ side, text: line.replace(/^(AUTH \w+) .*$/i, "$1 ***") });
  };
  return { trace: ignore, debug: take, info: take, warn: ignore, error: ignore, fatal: ignore, level: ignore };
}

/** What the relay answered. Throws a UserError when it was not an answer that ended the attempt. */
function refusal(error: unknown, { host, port }: Credential): { readonly accepted: false; readonly reply: string } {
  if (!(error instanceof Error)) throw error;
  if ("response" in error && typeof error.response === "string") return { accepted: false, reply: error.response };
  const advice =
    "code" in error && error.code === "EDNS"
      ? "the name is `hostname` of the fleet file: make it one that leads to the relay, from here too"
      : "is the relay running, and is that its port? A listener with TLS from the first byte needs --implicit-tls";
  throw new UserError(`${host}:${port}: ${error.message}; ${advice}`, { cause: error });
}

/** `posthouse send`: a test message through the relay, with the dialogue as it went. Exit code 1 when it is refused, 2 when there is no talking to the relay. */
export async function send(options: SendOptions, terminal: Terminal): Promise<number> {
  const credential = await readCredential(options);
  const paint = palette(terminal);
  const dialogue: DialogueLine[] = [];
  const transport = createTransport({
    host: credential.host,
    port: credential.port,
    secure: options.implicitTls,
    requireTLS: true,
    auth: { user: credential.username, pass: credential.password },
    tls: { ca: credential.certificates, servername: credential.serverName },
    debug: true,
    logger: dialogueLogger((line) => {
      dialogue.push(line);
      if (!terminal.json) terminal.out(line.side === "C" ? paint.cyan(`C: ${line.text}`) : `S: ${line.text}`);
    }),
    connectionTimeout: 10_000,
    socketTimeout: 60_000,
  });
  const message = {
    from: options.from,
    to: [...options.to],
    subject: options.subject,
    text: "This is a test message from Posthouse.\n",
  };
  const result = await transport
    .sendMail(message)
    .then(
      (info) => ({ accepted: true, reply: info.response }),
      (error: unknown) => refusal(error, credential),
    )
    .finally(() => transport.close());
  if (terminal.json) terminal.out(JSON.stringify({ ...result, dialogue }, undefined, 2));
  else terminal.out(result.accepted ? paint.green(`accepted: ${result.reply}`) : paint.red(`refused: ${result.reply}`));
  return result.accepted ? exitCode.ok : exitCode.failed;
}
