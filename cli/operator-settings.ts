import { dnsTiming } from "../operator/config.ts";
import type { OperatorSettings } from "../operator/settings.ts";
import { parseDuration } from "../runtime/duration.ts";
import type { Fleet } from "./fleet.ts";

/** What the fleet file does not say. */
export interface Surroundings {
  readonly contractNamespace: string;
  /** PEM of certificates that clients cannot verify otherwise; credentials tell them to trust it. */
  readonly trust?: string;
  /** Milliseconds that what a custom resource leaves stays; an hour when absent. */
  readonly orphanGrace?: number;
}

/** The operator's settings, from the fleet file. */
export function operatorSettings(
  fleet: Fleet,
  { contractNamespace, trust, orphanGrace }: Surroundings,
): OperatorSettings {
  return {
    contractNamespace,
    plans: fleet.plans,
    ...(fleet.sharedDomain && { sharedDomain: fleet.sharedDomain }),
    spfInclude: fleet.spf.include ?? `_spf.${fleet.hostname}`,
    dns: dnsTiming(fleet.dns),
    dnsAutomation: fleet.dnsAutomation,
    submission: { ...submissionOf(fleet), ...(trust !== undefined && { certificates: trust }) },
    ...(orphanGrace !== undefined && { orphanGrace }),
    longestMessageAge: parseDuration(fleet.delivery.maxAge),
  };
}

/** The listener that credentials name: STARTTLS on 587 before another port, implicit TLS where there is nothing else. */
function submissionOf({ hostname, listeners }: Fleet): { host: string; port: number; implicitTls: boolean } {
  const startTls = listeners.filter(({ tls }) => tls === "StartTLS");
  const best = startTls.find(({ port }) => port === 587) ?? startTls[0] ?? listeners[0];
  return { host: hostname, port: best?.port ?? 587, implicitTls: best?.tls === "Implicit" };
}
