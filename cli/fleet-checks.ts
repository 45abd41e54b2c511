import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { parseEndpoint } from "../net/endpoint.ts";
import { parseStoreAddress, StoreAddressError } from "../relay/store/address.ts";
import { parseDuration } from "../runtime/duration.ts";
import type { Fleet } from "./fleet.ts";

/** A mistake that the schema cannot see. */
export interface FleetMistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function refused(check: () => unknown): boolean {
  try {
    check();
    return false;
  } catch {
    return true;
  }
}

type Path = FleetMistake["path"];

function badNetworks(path: Path, networks: readonly string[]): readonly FleetMistake[] {
  return networks.flatMap((network, i) =>
    refused(() => ipaddr.parseCIDR(network))
      ? [{ path: [...path, i], message: "is not a CIDR block such as 10.0.0.0/8" }]
      : [],
  );
}

function badServers(path: Path, servers: readonly string[]): readonly FleetMistake[] {
  return servers.flatMap((server, i) =>
    refused(() => parseEndpoint(server, 53))
      ? [{ path: [...path, i], message: "is not an address with a port, such as 192.0.2.1:53" }]
      : [],
  );
}

/** What is wrong in a fleet file although its form is right: addresses that are none, names that stand twice, orders that cannot be. */
export function fleetMistakes({ delivery, dns, limits, listeners, store, redis }: Fleet): readonly FleetMistake[] {
  const networks = [
    ...badNetworks(["delivery", "allowNetworks"], delivery.allowNetworks),
    ...badNetworks(["dns", "allowNetworks"], dns.allowNetworks),
  ];
  const resolvers = [
    ...badServers(["dns", "resolvers"], dns.resolvers),
    ...dns.authorities.flatMap(({ servers }, i) => badServers(["dns", "authorities", i, "servers"], servers)),
  ];
  const twice = listeners.flatMap(({ name }, i) =>
    listeners.findIndex((other) => other.name === name) < i
      ? [{ path: ["listeners", i, "name"], message: `there is a listener named ${name} already` }]
      : [],
  );
  const hosts = listeners.flatMap(({ host }, i) =>
    host !== undefined && isIP(host) === 0
      ? [{ path: ["listeners", i, "host"], message: "is not an IP address to listen on" }]
      : [],
  );
  const intervals =
    parseDuration(dns.missingInterval) > parseDuration(dns.missingIntervalMax)
      ? [{ path: ["dns", "missingIntervalMax"], message: `is less than missingInterval, ${dns.missingInterval}` }]
      : [];
  const never = parseDuration(dns.checkInterval) === 0 || parseDuration(dns.missingInterval) === 0;
  const hot = never ? [{ path: ["dns"], message: "checkInterval and missingInterval must be longer than 0s" }] : [];
  const drain =
    parseDuration(limits.drainDelay) > parseDuration(limits.stopTimeout)
      ? [{ path: ["limits", "drainDelay"], message: `is longer than stopTimeout, ${limits.stopTimeout}` }]
      : [];
  return [
    ...networks,
    ...resolvers,
    ...twice,
    ...hosts,
    ...intervals,
    ...hot,
    ...drain,
    ...storeMistakes(store, redis),
  ];
}

/** What a client waits for replicas must fit into what it waits for an answer. */
const longestReplicaTimeout = 1000;

function storeMistakes(store: Fleet["store"], redis: Fleet["redis"]): readonly FleetMistake[] {
  const tooLong =
    parseDuration(redis.replicaTimeout) > longestReplicaTimeout || parseDuration(redis.replicaTimeout) === 0;
  const timeout = tooLong
    ? [{ path: ["redis", "replicaTimeout"], message: "must be more than 0s and at most 1s" }]
    : [];
  try {
    if (store !== undefined) parseStoreAddress(store);
    return timeout;
  } catch (error) {
    if (!(error instanceof StoreAddressError)) throw error;
    return [{ path: ["store"], message: error.message }, ...timeout];
  }
}
