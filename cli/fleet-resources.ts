import { getServers } from "node:dns";
import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { addressGuard } from "../net/address-guard.ts";
import { createAuthoritativeResolver, type AuthoritativeResolver } from "../net/authoritative.ts";
import { dnsClient } from "../net/dns-client.ts";
import { parseEndpoint } from "../net/endpoint.ts";
import type { Resolver } from "../net/resolver.ts";
import { loadCertificate, type Certificate, type CertificateFiles } from "../relay/session/certificate.ts";
import { selfSignedCertificate } from "../relay/session/self-signed.ts";
import { systemClock } from "../runtime/clock.ts";
import { parseDuration } from "../runtime/duration.ts";
import type { Logger } from "../runtime/log.ts";
import type { Fleet } from "./fleet.ts";
import { stateLayout } from "./state-layout.ts";
import { UserError } from "./terminal.ts";

/** Where the listeners' certificate comes from. */
export interface CertificateSource {
  /** Reads it anew; a self-signed one is made when there is none or it expires within a month. */
  readonly load: () => Promise<Certificate>;
  /** Where it lies; a self-signed one is made as by `load`. */
  readonly files: () => Promise<CertificateFiles>;
  /** Nobody can verify it, so that credentials tell clients to trust it. */
  readonly isSelfSigned: boolean;
}

/** The certificate of the fleet file, or a self-signed one. */
export function certificateSource({ tls, hostname }: Fleet, state: string, log: Logger): CertificateSource {
  const { certificateFile, keyFile } = tls;
  if (certificateFile !== undefined && keyFile !== undefined)
    return {
      isSelfSigned: false,
      load: () => loadCertificate({ certificateFile, keyFile }, systemClock.now()),
      files: async () => ({ certificateFile, keyFile }),
    };
  const files = async (): Promise<CertificateFiles> => {
    const made = await selfSignedCertificate(stateLayout.tls(state), hostname, systemClock.now());
    if (made.created)
      log.warn(
        { file: made.certificateFile },
        "the fleet file names no certificate: a self-signed one was made, good for trying out",
      );
    return made;
  };
  return { isSelfSigned: true, load: async () => loadCertificate(await files(), systemClock.now()), files };
}

/** Node's own authorities and those of `delivery.caFile`; undefined leaves Node its own. */
export async function authoritiesOf({ delivery: { caFile } }: Fleet): Promise<readonly string[] | undefined> {
  if (caFile === undefined) return undefined;
  const pem = await readFile(caFile, "utf8").catch((error: unknown) => {
    throw new UserError(`cannot read delivery.caFile: ${error instanceof Error ? error.message : String(error)}`);
  });
  return [...rootCertificates, pem];
}

/** The resolver of the fleet file, or the machine's own. Throws a UserError when there is none. */
export function resolverOf({ dns }: Pick<Fleet, "dns">): Resolver {
  const servers = dns.resolvers.length > 0 ? dns.resolvers : getServers().filter((server) => !server.includes("%"));
  if (servers.length === 0)
    throw new UserError("this machine has no DNS resolver of its own; name some in dns.resolvers of the fleet file");
  return dnsClient({
    servers: servers.map((server) => parseEndpoint(server, 53)),
    timeout: parseDuration(dns.timeout),
    clock: systemClock,
  });
}

/** What a whole question may take: the walk to the zone, a turn at the server, the answer, and an alias or two. */
const deadlineInTimeouts = 5;

/** Asks the authoritative servers of domains; undefined where the fleet file says to ask resolvers alone. */
export function authoritativeOf({ dns }: Fleet, resolver: Resolver): AuthoritativeResolver | undefined {
  if (dns.mode === "Resolvers") return undefined;
  const timeout = parseDuration(dns.timeout);
  return createAuthoritativeResolver({
    resolver,
    guard: addressGuard(dns.allowNetworks),
    clock: systemClock,
    timeout,
    deadline: timeout * deadlineInTimeouts,
    authorities: dns.authorities.map(({ zone, servers }) => ({
      zone,
      servers: servers.map((server) => parseEndpoint(server, 53)),
    })),
  });
}
