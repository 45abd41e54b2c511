import { isWithin, type Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import type { Access } from "./access.ts";
import { plainAccess, podAccess, type PodServer } from "./plain-access.ts";
import { KubernetesError } from "./trouble.ts";

/** The credentials of one user at one API server, as they are now. */
export interface Credentials {
  /** What to use; read again when it is a minute old. Rejects if it was never readable. */
  readonly current: () => Promise<Access>;
  /**
   * Reads everything anew, whatever is remembered of it, unless others than those that were `used` are known by now. True if
   * there are others; those that are known are meant when absent.
   */
  readonly renew: (used?: Access) => Promise<boolean>;
}

/** Tokens in files are replaced by the kubelet well before they expire; so often they are looked at. */
const rereadAfter = 60_000;

/** What says where to find credentials. */
export interface CredentialSource {
  /** A kubeconfig file; when absent KUBECONFIG, ~/.kube/config or the pod's ServiceAccount, as kubectl has it. */
  readonly kubeconfig?: string;
  /** The server of the pod that this runs in, where no kubeconfig outranks its ServiceAccount. */
  readonly pod?: PodServer;
}

/** Files that cannot be read for now, in the middle of a rotation for example, leave what was read before; the log says so. */
export function openCredentials(source: CredentialSource, clock: Clock, log: Logger): Credentials {
  const readAccess = accessReader(source);
  let known: { readonly access: Access; readonly readAt: number } | undefined;
  let reading: Promise<Access> | undefined;
  let told: string | undefined;

  const read = async (anew: boolean): Promise<Access> => {
    try {
      known = { access: await readAccess(anew), readAt: clock.now() };
      told = undefined;
    } catch (error) {
      if (known === undefined) throw withoutQuote(error);
      known = { ...known, readAt: clock.now() };
      const why = reasonOf(error);
      if (why !== told)
        log.warn({ why }, "the credentials for the API server cannot be read anew; the last ones are used");
      told = why;
    }
    return known.access;
  };
  const readOnce = (anew: boolean): Promise<Access> => {
    reading ??= read(anew).finally(() => (reading = undefined));
    return reading;
  };
  return {
    async current() {
      if (known !== undefined && isWithin(clock.now(), known.readAt, rereadAfter)) return known.access;
      return readOnce(false);
    },
    async renew(used = known?.access) {
      return (known !== undefined && areOthers(used, known.access)) || areOthers(used, await readOnce(true));
    },
  };
}

/** Parsers quote what they read, and plugins say what they like: of their errors no more than the name is told. */
function reasonOf(error: unknown): string {
  if (error instanceof KubernetesError) return error.message;
  if (error instanceof Error && "syscall" in error) return error.message;
  return `${error instanceof Error ? error.name : "an error"}, of which more may be a secret`;
}

/** A parser's error as one that shows nothing of the file; any other as it is. */
function withoutQuote(error: unknown): unknown {
  const isOfParser = error instanceof Error && error.name.startsWith("YAML");
  return isOfParser ? new KubernetesError("the kubeconfig is not YAML; kubectl config view says where") : error;
}

function areOthers(before: Access | undefined, { headers, fingerprint }: Access): boolean {
  return JSON.stringify(before?.headers) !== JSON.stringify(headers) || before?.fingerprint !== fingerprint;
}

/** Reads a pod's ServiceAccount and plain kubeconfigs itself, and leaves the rest to client-node. */
function accessReader({ kubeconfig, pod }: CredentialSource): (anew: boolean) => Promise<Access> {
  let other: Promise<(anew: boolean) => Promise<Access>> | undefined;
  return async (anew) => {
    if (kubeconfig === undefined && pod !== undefined) return podAccess(pod);
    const plain = kubeconfig === undefined ? undefined : plainAccess(kubeconfig);
    if (plain !== undefined) return plain;
    other ??= import("./client-node-access.ts").then(({ clientNodeAccess }) => clientNodeAccess(kubeconfig));
    return (await other)(anew);
  };
}
