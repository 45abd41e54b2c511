import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SmarthostLogin } from "../../contract/smarthost-secret.ts";
import type { ConnectionError } from "./classify.ts";
import { connectionError } from "./transaction.ts";

/** The mechanisms that we speak, in the order of preference: over TLS the password itself may go, and PLAIN is one round less. */
const mechanisms = ["PLAIN", "LOGIN"];

/** The mechanism to log in with, by the parameters of AUTH in the reply to EHLO (RFC 4954 §3); undefined when there is none. */
export function chooseMechanism(offered: string | undefined): string | undefined {
  const names = (offered ?? "").toUpperCase().split(/\s+/);
  return mechanisms.find((name) => names.includes(name));
}

/** Logs in over a connection whose TLS was verified. `done` is called once, with what went wrong. */
export function logIn(
  connection: SMTPConnection,
  extensions: ReadonlyMap<string, string>,
  { username, password }: SmarthostLogin,
  done: (error?: ConnectionError) => void,
): void {
  const method = chooseMechanism(extensions.get("AUTH"));
  if (method === undefined) return done({ code: "EAUTH", message: "it offers neither AUTH PLAIN nor AUTH LOGIN" });
  connection.login({ method, credentials: { user: username, pass: password } }, (error) =>
    done(error === null ? undefined : connectionError(error)),
  );
}

/** Takes a password out of what a smarthost says, which may repeat what it was told, plain or as AUTH carries it. */
export function withoutPassword(login: SmarthostLogin | undefined): (text: string) => string {
  if (login === undefined) return (text) => text;
  const { username, password } = login;
  const encoded = [base64(`\0${username}\0${password}`), base64(password)];
  const forms = [password, ...encoded, ...encoded.map((form) => form.replace(/=+$/, ""))];
  return (text) => forms.reduce((clean, form) => clean.replaceAll(form, "[password]"), text);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
