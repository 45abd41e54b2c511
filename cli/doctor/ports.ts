import { createServer } from "node:net";
import type { LockHolder } from "../../runtime/lock-file.ts";
import type { Fleet } from "../fleet.ts";
import { bad, good, skipped, type Finding } from "./finding.ts";

/** Whether each port of the fleet file can be listened on, or is held by the `posthouse up` that holds the state folder. */
export async function checkPorts(
  { listeners, admin }: Fleet,
  holder: LockHolder | undefined,
): Promise<readonly Finding[]> {
  const wanted = [...listeners, { name: "admin", ...admin }];
  return Promise.all(wanted.map(({ name, host, port }) => checkPort({ name, host, port }, holder)));
}

interface Door {
  readonly name: string;
  readonly host: string | undefined;
  readonly port: number;
}

async function checkPort({ name, host, port }: Door, holder: LockHolder | undefined): Promise<Finding> {
  const check = `port ${name}`;
  const place = `${host ?? "every address"}, port ${port}`;
  if (port === 0) return skipped(check, "port 0 takes a free one");
  const error = await tryToListen(host, port);
  if (error === undefined) return good(check, `${place}: free`);
  if (error === "EADDRINUSE" && holder) return good(check, `${place}: held while process ${holder.pid} runs posthouse`);
  return bad(check, `${place}: ${error}`, advice[error] ?? "choose another port or host in the fleet file");
}

const advice: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program has it: stop that (ss -ltnp shows it), or choose another port in the fleet file",
  EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE: grant it, or choose a port above",
  EADDRNOTAVAIL: "no interface of this machine has that address: correct host in the fleet file",
};

/** The system's word for why it cannot be; undefined when it can. */
function tryToListen(host: string | undefined, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
