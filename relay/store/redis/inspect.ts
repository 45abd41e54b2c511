import type { Clock } from "../../../runtime/clock.ts";
import type { RedisAddress } from "./client.ts";
import { readInfo, refuseServer, type ServerFacts, type ServerSettings, settingNames } from "./facts.ts";
import { ServerRefused } from "./failure.ts";
import type { Ask } from "./link.ts";
import { isList, textOf } from "./reply.ts";
import type { ServerClock } from "./server-clock.ts";

/** Who looks at a server. */
export interface Looker {
  readonly address: RedisAddress;
  readonly clock: Pick<Clock, "now">;
  readonly serverClock: ServerClock;
}

/** What a server told on a new connection. */
export interface Looked {
  readonly facts: ServerFacts;
  /** Undefined: CONFIG is forbidden. */
  readonly settings: ServerSettings | undefined;
}

/** Looks at a server before it is used. Throws ServerRefused where it cannot be. */
export async function lookAt(looker: Looker, ask: Ask): Promise<Looked | "Loading" | "Elsewhere"> {
  looker.serverClock.forget();
  const facts = await factsOf(looker, ask);
  const refused = refuseServer(facts);
  if (refused !== undefined) throw new ServerRefused(refused);
  await chooseDatabase(looker.address, ask);
  // For whoever looks at the list of clients; a user who may not say it goes without.
  await ask("CLIENT", "SETNAME", "posthouse").catch(() => undefined);
  if (facts.loading) return "Loading";
  if (facts.role === "slave") return "Elsewhere";
  return { facts, settings: await settingsOf(ask) };
}

/** What a server says of itself; its clock is noted. */
export async function factsOf({ clock, serverClock }: Omit<Looker, "address">, ask: Ask): Promise<ServerFacts> {
  const asked = clock.now();
  const facts = readInfo(textOf(await ask("INFO")));
  if (facts.time !== undefined) serverClock.hear(facts.time, asked, clock.now());
  return facts;
}

/** The client chooses it too, but goes on with the first one when there is none of that number. */
async function chooseDatabase({ database }: RedisAddress, ask: Ask): Promise<void> {
  if (database === 0) return;
  try {
    await ask("SELECT", String(database));
  } catch (error) {
    if (error instanceof Error && /out of range/.test(error.message))
      throw new ServerRefused(`it has no database ${database}`);
    throw error;
  }
}

/** The settings that bear on durability; undefined where CONFIG is forbidden or unknown. */
export async function settingsOf(ask: Ask): Promise<ServerSettings | undefined> {
  try {
    const reply = await ask("CONFIG", "GET", ...settingNames);
    if (!isList(reply)) return undefined;
    const words = reply.map(textOf);
    return Object.fromEntries(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ""]] : [])));
  } catch (error) {
    if (error instanceof Error && error.name === "ReplyError") return undefined;
    throw error;
  }
}
