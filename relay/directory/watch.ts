import type { ClusterObject, ObjectKey, SecretObject } from "../../cluster/object.ts";
import type { Cluster } from "../../cluster/port.ts";
import { decodeDomainContract, decodeTenantContract } from "../../contract/codec.ts";
import type { DomainContract } from "../../contract/domain-contract.ts";
import { decodeSmarthostSecret, type SmarthostSecret } from "../../contract/smarthost-secret.ts";
import { labels } from "../../contract/names.ts";
import type { TenantContract } from "../../contract/tenant-contract.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { buildDirectory, type Directory } from "../directory.ts";

export interface DirectoryWatchOptions {
  readonly cluster: Cluster;
  /** Where the contracts live. */
  readonly contractNamespace: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with each new Directory, the first time before `watchDirectory` returns. */
  readonly onChange?: (directory: Directory) => void;
}

export interface DirectoryWatch {
  /** The latest. */
  readonly current: () => Directory;
  readonly stop: () => void;
}

type Contract =
  | { readonly kind: "tenant"; readonly contract: TenantContract }
  | { readonly kind: "domain"; readonly contract: DomainContract }
  | { readonly kind: "smarthost"; readonly secret: SmarthostSecret };

/** Milliseconds in which changes are gathered: many come at once, revocations must act within a second. */
const gatherFor = 20;

/**
 * Follows the contract Secrets of a namespace, and those with credentials for smarthosts, and keeps an immutable Directory
 * of them. A Secret that cannot be read is logged, and what it last said stays in force until it is mended or deleted.
 */
export function watchDirectory(options: DirectoryWatchOptions): DirectoryWatch {
  const { cluster, contractNamespace, clock, log } = options;
  const contracts = new Map<string, Contract>();
  let current: Directory;
  let planned = false;
  let stopped = false;

  const rebuild = (): void => {
    planned = false;
    if (stopped) return;
    current = directoryOf([...contracts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    options.onChange?.(current);
  };
  const refresh = ({ namespace, name }: ObjectKey): void => {
    if (namespace !== contractNamespace) return;
    const secret = cluster.get<"Secret">({ kind: "Secret", namespace, name });
    if (!take(contracts, name, secret, log) || planned) return;
    planned = true;
    clock.after(gatherFor, rebuild);
  };

  for (const secret of cluster.list("Secret"))
    if (secret.metadata.namespace === contractNamespace) take(contracts, secret.metadata.name, secret, log);
  rebuild();
  const unwatch = cluster.watch(["Secret"], refresh);
  return {
    current: () => current,
    stop() {
      stopped = true;
      unwatch();
    },
  };
}

/** Takes over what a Secret says now. False: nothing changed. */
function take(contracts: Map<string, Contract>, name: string, secret: SecretObject | undefined, log: Logger): boolean {
  if (secret === undefined || kindOf(secret) === undefined) return contracts.delete(name);
  const decoded = decode(secret);
  if ("error" in decoded) {
    log.error({ secret: name, problem: decoded.error }, "cannot read a contract; its last good one stays in force");
    return false;
  }
  contracts.set(name, decoded);
  return true;
}

function decode(secret: SecretObject): Contract | { readonly error: string } {
  const kind = kindOf(secret);
  if (kind === "tenant") {
    const tenant = decodeTenantContract(secret.data);
    return "error" in tenant ? tenant : { kind, contract: tenant.value };
  }
  if (kind === "domain") {
    const domain = decodeDomainContract(secret.data);
    return "error" in domain ? domain : { kind, contract: domain.value };
  }
  if (kind === "smarthost") {
    const smarthost = decodeSmarthostSecret(secret.data);
    return "error" in smarthost ? smarthost : { kind, secret: smarthost.value };
  }
  return { error: `its label ${labels.contract} is neither tenant nor domain` };
}

/**
 * What a Secret is to the directory; undefined when it is nothing to it. One that is not Posthouse's is nothing: the operator
 * changes and deletes its own alone, so that nothing in another could ever be revoked.
 */
function kindOf({ metadata: { labels: labelled = {} } }: ClusterObject): string | undefined {
  if (labelled[labels.managedBy] !== "posthouse") return undefined;
  return labelled[labels.contract] ?? (labelled[labels.key] === "smarthost" ? "smarthost" : undefined);
}

function directoryOf(contracts: readonly (readonly [string, Contract])[]): Directory {
  const items = contracts.map(([, item]) => item);
  return buildDirectory(
    items.flatMap((item) => (item.kind === "tenant" ? [item.contract] : [])),
    items.flatMap((item) => (item.kind === "domain" ? [item.contract] : [])),
    new Map(contracts.flatMap(([name, item]) => (item.kind === "smarthost" ? [[name, item.secret] as const] : []))),
  );
}
