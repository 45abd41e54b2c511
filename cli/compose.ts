import { getServers } from "node:dns";
import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { openFolder } from "../cluster/folder/folder.ts";
import type { DestinationStream } from "pino";
import { defaultContractNamespace } from "../contract/names.ts";
import type { UsageSource } from "../contract/usage.ts";
import { dnsClient } from "../net/dns-client.ts";
import { parseEndpoint } from "../net/endpoint.ts";
import type { Resolver } from "../net/resolver.ts";
import { dnsTiming } from "../operator/config.ts";
import { startOperator } from "../operator/operator.ts";
import { eventLog, tee } from "../relay/event/event-log.ts";
import { eventMetrics } from "../relay/event/metrics.ts";
import { loadCertificate, type Certificate } from "../relay/session/certificate.ts";
import { selfSignedCertificate } from "../relay/session/self-signed.ts";
import { openStore } from "../relay/store/lmdb/open-store.ts";
import type { Store } from "../relay/store/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { parseDuration } from "../runtime/duration.ts";
import { serveAdmin } from "../runtime/http.ts";
import type { Logger } from "../runtime/log.ts";
import { createMetrics } from "../runtime/metrics.ts";
import type { Part } from "../runtime/shutdown.ts";
import { startRelay } from "./compose-relay.ts";
import type { Fleet } from "./fleet.ts";
import { stateLayout } from "./state.ts";
import { UserError } from "./terminal.ts";

export interface Everything {
  readonly manifests: string;
  readonly state: string;
  readonly fleet: Fleet;
  readonly log: Logger;
  /** Where events go, beside the log lines. */
  readonly destination: DestinationStream;
  /** Called with each part as it starts, so that it can be stopped even if a later one fails. */
  readonly started: (part: Part) => void;
}

/**
 * Starts cluster, store, relay, operator and admin port in one process. The admin port comes last: when it answers,
 * everything else runs. Rejects with the error of the part that could not start.
 */
export async function startEverything({
  manifests,
  state,
  fleet,
  log,
  destination,
  started,
}: Everything): Promise<void> {
  const clock = systemClock;
  const metrics = createMetrics();
  const cluster = await openFolder({
    manifests,
    state,
    clock,
    log: log.child({ part: "cluster" }),
  });
  started({ name: "cluster", stop: () => cluster.close() });
  const store = await openStore({
    path: stateLayout.store(state),
    clock,
    log: log.child({ part: "store" }),
    sole: true,
  });
  started({ name: "store", stop: () => store.close() });
  const { certificate, trust } = await certificateOf(fleet, state, log);
  const resolver = resolverOf(fleet);
  const events = tee(eventLog(destination), eventMetrics(metrics));
  const authorities = await authoritiesOf(fleet);
  await startRelay({ fleet, cluster, store, resolver, certificate, authorities, clock, log, metrics, events, started });
  const operator = startOperator({
    cluster,
    resolver,
    usage: usageOf(store),
    clock,
    log: log.child({ part: "operator" }),
    random: Math.random,
    metrics,
    settings: {
      contractNamespace: defaultContractNamespace,
      plans: fleet.plans,
      spfInclude: fleet.spf.include ?? `_spf.${fleet.hostname}`,
      dns: dnsTiming(fleet.dns),
      submission: { ...submissionOf(fleet), certificates: trust },
    },
  });
  started({ name: "operator", stop: () => operator.stop() });
  const admin = await serveAdmin({ ...fleet.admin, metrics, readiness: () => readiness(store) }).catch(
    (error: unknown) => {
      const { host, port } = fleet.admin;
      const why = error instanceof Error && "code" in error ? error.code : error;
      throw new UserError(
        `the admin port ${port} of ${host} cannot be listened on (${String(why)}): it is in use or not allowed; set admin in the fleet file`,
      );
    },
  );
  started({ name: "admin", stop: () => admin.stop() });
  log.info({ host: admin.host, port: admin.port }, "ready: /healthz, /readyz and /metrics are served");
}

/** The certificate of the fleet file, or a self-signed one that credentials then tell clients to trust. */
async function certificateOf(
  fleet: Fleet,
  state: string,
  log: Logger,
): Promise<{ certificate: Certificate; trust?: string }> {
  const now = systemClock.now();
  const { certificateFile, keyFile } = fleet.tls;
  if (certificateFile !== undefined && keyFile !== undefined)
    return { certificate: await loadCertificate({ certificateFile, keyFile }, now) };
  const files = await selfSignedCertificate(stateLayout.tls(state), fleet.hostname, now);
  log.warn(
    { file: files.certificateFile },
    "no certificate is configured: a self-signed one is used, good for trying out",
  );
  const certificate = await loadCertificate(files, now);
  return { certificate, trust: certificate.cert };
}

/** Node's own authorities and those of `delivery.caFile`; undefined leaves Node its own. */
async function authoritiesOf({ delivery: { caFile } }: Fleet): Promise<readonly string[] | undefined> {
  if (caFile === undefined) return undefined;
  const pem = await readFile(caFile, "utf8").catch((error: unknown) => {
    throw new UserError(`cannot read delivery.caFile: ${error instanceof Error ? error.message : String(error)}`);
  });
  return [...rootCertificates, pem];
}

function resolverOf({ dns }: Fleet): Resolver {
  const servers = dns.resolvers.length > 0 ? dns.resolvers : getServers().filter((server) => !server.includes("%"));
  if (servers.length === 0)
    throw new UserError("this machine has no DNS resolver of its own; name some in dns.resolvers of the fleet file");
  return dnsClient({
    servers: servers.map((server) => parseEndpoint(server, 53)),
    timeout: parseDuration(dns.timeout),
    clock: systemClock,
  });
}

/** The listener that credentials name: STARTTLS on 587 before another port, implicit TLS where there is nothing else. */
function submissionOf({ hostname, listeners }: Fleet): { host: string; port: number; implicitTls: boolean } {
  const startTls = listeners.filter(({ tls }) => tls === "StartTLS");
  const best = startTls.find(({ port }) => port === 587) ?? startTls[0] ?? listeners[0];
  return { host: hostname, port: best?.port ?? 587, implicitTls: best?.tls === "Implicit" };
}

/** The ledger of this process, as the operator pulls it. */
function usageOf({ ledger }: Store): UsageSource {
  return {
    async usage(tenants) {
      const rows = await Promise.all(tenants.map(async (tenant) => [tenant, await ledger.usage(tenant)] as const));
      return new Map(rows.flatMap(([tenant, row]) => (row === undefined ? [] : [[tenant, row] as const])));
    },
  };
}

async function readiness(store: Store): Promise<{ ready: boolean; reasons: readonly string[] }> {
  const ready = await store.ready();
  return { ready, reasons: ready ? [] : ["the store cannot be written; is its disk full?"] };
}
