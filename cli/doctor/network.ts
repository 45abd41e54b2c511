import { getServers } from "node:dns";
import { connect } from "node:net";
import { dnsClient } from "../../net/dns-client.ts";
import type { AuthoritativeResolver } from "../../net/authoritative.ts";
import { parseEndpoint } from "../../net/endpoint.ts";
import type { Clock } from "../../runtime/clock.ts";
import { parseDuration } from "../../runtime/duration.ts";
import type { Fleet } from "../fleet.ts";
import { bad, good, skipped, type Finding } from "./finding.ts";

/** Whether each resolver of the fleet file, or of the machine, answers. It is asked for the fleet's own name; any answer will do. */
export async function checkResolvers({ dns, hostname }: Fleet, clock: Clock): Promise<readonly Finding[]> {
  const servers = dns.resolvers.length > 0 ? dns.resolvers : getServers().filter((server) => !server.includes("%"));
  if (servers.length === 0)
    return [bad("resolver", "this machine has none", "name some in dns.resolvers of the fleet file")];
  const timeout = parseDuration(dns.timeout);
  return Promise.all(
    servers.map(async (server) => {
      const client = dnsClient({ servers: [parseEndpoint(server, 53)], timeout, clock });
      const answer = await client.resolve(hostname, "A");
      if (answer.kind !== "Failed") return good("resolver", `${server} answers`);
      const remedy = "see that port 53 to it is open over UDP and TCP, or name another in dns.resolvers";
      return bad("resolver", answer.reason, remedy);
    }),
  );
}

/** Whether the name servers of the fleet's own zone can be asked directly, as the records of domains are. */
export async function checkAuthoritative(
  { hostname }: Pick<Fleet, "hostname">,
  resolver: AuthoritativeResolver | undefined,
): Promise<Finding> {
  const check = "port 53 outwards";
  if (resolver === undefined) return skipped(check, "dns.mode is Resolvers: no name server is asked directly");
  if (!hostname.includes(".")) return skipped(check, `${hostname} is in no zone; set hostname in the fleet file`);
  const { servers, problem } = await resolver.ask(hostname, "A", { transport: "TCP" });
  const answering = servers.filter(({ answer }) => answer.kind !== "Failed");
  if (answering.length > 0)
    return good(check, `${answering.length} of ${servers.length} name servers of ${hostname} answer over TCP`);
  const why = problem ?? `none of ${servers.length} name servers of ${hostname} answers over TCP`;
  return bad(check, why, "open port 53 outwards, UDP and TCP, or set dns.mode to Resolvers");
}

/** Whether a host that takes mail can be reached and greets. Only hosts that somebody named: nothing is asked by default. */
export async function checkMail(probes: readonly string[], clock: Clock, timeout: number): Promise<readonly Finding[]> {
  if (probes.length === 0)
    return [skipped("port 25 outwards", "name a host to try with --probe HOST, such as an MX or your smarthost")];
  return Promise.all(probes.map((probe) => checkProbe(probe, clock, timeout)));
}

async function checkProbe(probe: string, clock: Clock, timeout: number): Promise<Finding> {
  const [, host = probe, port = "25"] = /^(?:\[?([^\]]+?)\]?):(\d{1,5})$/.exec(probe) ?? [];
  const check = `port ${port} outwards`;
  const greeting = await greetingOf(host, Number(port), clock, timeout);
  if (greeting.startsWith("220")) return good(check, `${host} greets`);
  const remedy =
    "many networks close port 25: ask for it to be opened, or deliver through a smarthost (spec.delivery.route: Smarthost)";
  return bad(check, `${host}: ${greeting}`, remedy);
}

/** The first line that a server says, or why there is none. */
function greetingOf(host: string, port: number, clock: Clock, timeout: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (line: string): void => {
      cancel();
      socket.destroy();
      resolve(line);
    };
    const cancel = clock.after(timeout, () => finish(`no greeting within ${timeout} ms`));
    socket.on("error", (error) => finish("code" in error ? String(error.code) : error.message));
    socket.on("close", () => finish("it closed the connection"));
    socket.once("data", (data) => finish(data.toString("latin1").split("\r\n")[0] ?? ""));
  });
}
