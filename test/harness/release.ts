/** A release of the chart as those see it who send mail through it. */
import type { ControlPlane } from "./control-plane.ts";
import { type Dialogue, dialogue } from "./smtp-dialogue.ts";
import { plainOf } from "./submission.ts";

/** Where clients submit with TLS from the first octet: the Service's address inside the cluster. */
export async function serviceAddress({ ask }: ControlPlane, namespace: string): Promise<string> {
  const { code, body } = await ask({ path: `/api/v1/namespaces/${namespace}/services/posthouse-relay` });
  if (code !== 200) throw new Error(`${namespace} has no relay: ${JSON.stringify(body)}`);
  return (body as { spec: { clusterIP: string } }).spec.clusterIP;
}

/** The API key of an application Secret. */
export async function passwordOf({ ask }: ControlPlane, namespace: string, name: string): Promise<string> {
  const { code, body } = await ask({ path: `/api/v1/namespaces/${namespace}/secrets/${name}` });
  if (code !== 200) throw new Error(`${namespace}/${name}: ${JSON.stringify(body)}`);
  const { password = "" } = (body as { data: Readonly<Record<string, string>> }).data;
  return Buffer.from(password, "base64").toString();
}

/** Connects over implicit TLS, greets and logs in; `extensions` is the reply to EHLO. Throws what the relay says instead. */
export async function loggedIn(host: string, password: string): Promise<{ client: Dialogue; extensions: string }> {
  const client = await dialogue({ host, port: 465, implicitTls: true });
  const greeting = await client.reply();
  const extensions = await client.say("EHLO client.example");
  const answer = await client.say(`AUTH PLAIN ${plainOf(password)}`);
  if (answer.startsWith("235")) return { client, extensions };
  client.close();
  throw new Error([greeting, extensions, answer].join("\n"));
}
