import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/log.ts";
import { startRounds } from "../../runtime/rounds.ts";
import type { Certificate } from "./certificate.ts";

export interface CertificateRenewalOptions {
  /** Reads the certificate as it stands on disk now, or makes a new one of its own. */
  readonly load: () => Promise<Certificate>;
  /** The one in use. */
  readonly current: Certificate;
  /** Called with another one as soon as it is found. */
  readonly onRenewed: (certificate: Certificate) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Milliseconds between two looks at the files. */
const interval = 60_000;
/** A certificate that ends sooner is worth a warning, milliseconds. */
const soon = 7 * 86_400_000;

/**
 * Looks at the certificate once a minute, so that a renewed one is used without a restart. One that cannot be used is
 * logged, and the last good one stays. Returns what ends it.
 */
export function watchCertificate(options: CertificateRenewalOptions): () => void {
  const { load, onRenewed, clock, log } = options;
  let current = options.current;
  let stopped = false;
  const look = async (): Promise<void> => {
    try {
      const found = await load();
      if (stopped) return;
      if (found.cert !== current.cert || found.key !== current.key) {
        current = found;
        onRenewed(found);
        log.info({ notAfter: new Date(found.notAfter).toISOString() }, "another certificate is used from now on");
      }
    } catch (err) {
      log.error({ err }, "the certificate cannot be used; the one before stays");
    }
    if (current.notAfter - clock.now() < soon)
      log.warn(
        { notAfter: new Date(current.notAfter).toISOString() },
        "the certificate expires soon; put a new one there",
      );
  };
  const end = startRounds({ clock, interval, delay: interval, round: look });
  return () => {
    stopped = true;
    void end();
  };
}
