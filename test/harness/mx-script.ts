/** How a mail exchanger of the tests departs from good behaviour: its script, and smtp-server bent to follow it. */
/* oxlint-disable no-underscore-dangle -- smtp-server marks that way what its handlers do not reach */
import type { Socket } from "node:net";
import type { SMTPServer, SMTPServerSession } from "smtp-server";

/** A moment at which the sink may be told to behave otherwise; `MESSAGE` is after the final dot. */
export interface MxStep {
  readonly stage: "CONNECT" | "EHLO" | "HELO" | "STARTTLS" | "MAIL" | "RCPT" | "DATA" | "MESSAGE" | "RSET" | "QUIT";
  /** The command line; "" at CONNECT and MESSAGE. */
  readonly line: string;
  /** Id of the connection. */
  readonly session: string;
  readonly secure: boolean;
}

/** What happens instead: a whole reply line such as `451 4.3.0 Later`, then perhaps the connection is cut. */
export interface MxBehaviour {
  readonly reply?: string;
  readonly drop?: boolean;
}

/** Decides what happens at a step; nothing special when undefined. A promise holds the client until it resolves. */
export type MxScript = (step: MxStep) => MxBehaviour | undefined | Promise<MxBehaviour | undefined>;

/** What smtp-server's connection has that its handlers do not reach. */
export interface Connection {
  readonly id: string;
  readonly _socket: Socket;
  _getHandler(command: string): ((line: Buffer | string, done: () => void) => void) | undefined;
  send(code: number, text: string, context: false): void;
}

/** The connection of a session. */
export function connectionOf(server: SMTPServer, session: SMTPServerSession): Connection {
  for (const connection of server.connections)
    if (connection.id === session.id) return connection as unknown as Connection;
  throw new Error(`no connection ${session.id}`);
}

/** The step that a session is at. */
export function stepOf(stage: string, line: string, session: SMTPServerSession): MxStep {
  return { stage: stage as MxStep["stage"], line, session: session.id, secure: session.secure };
}

/** Asks the script before each command of a connection. */
export function scriptCommands(connection: Connection, session: SMTPServerSession, script: MxScript): void {
  const original = connection._getHandler.bind(connection);
  connection._getHandler = (command) => {
    const handler = original(command);
    if (!handler) return undefined;
    return (line, next) =>
      void consult(script(stepOf(command, line.toString(), session)), (behaviour) => {
        if (behaviour) act(connection, behaviour, next);
        else handler.call(connection, line, next);
      });
  };
}

/** Goes on at once where there is nothing to wait for, so that the order of commands and replies stays as it is. */
export async function consult(
  said: MxBehaviour | undefined | Promise<MxBehaviour | undefined>,
  then: (behaviour: MxBehaviour | undefined) => void,
): Promise<void> {
  then(said instanceof Promise ? await said : said);
}

/** Does what the script says: replies, then cuts the connection or goes on. */
export function act(connection: Connection, behaviour: MxBehaviour, next: () => void): void {
  if (behaviour.reply !== undefined) {
    const error = replyError(behaviour.reply);
    connection.send(error.responseCode, error.message, false);
  }
  if (behaviour.drop === true) connection._socket.destroySoon();
  else next();
}

/** A reply line as smtp-server takes it: the text as the message of an error with a code. */
export function replyError(reply: string): Error & { readonly responseCode: number } {
  return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });
}

/** Cuts every connection of a server. */
export function cutAll(server: SMTPServer): void {
  for (const connection of server.connections) (connection as unknown as Connection)._socket.destroy();
}
