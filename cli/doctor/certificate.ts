import { X509Certificate } from "node:crypto";
import { CertificateError, loadCertificate, type Certificate } from "../../relay/session/certificate.ts";
import type { Fleet } from "../fleet.ts";
import { bad, good, warning, type Finding } from "./finding.ts";

const check = "certificate";
const day = 86_400_000;
/** Renewals run weeks before the end; who is later than this has one that failed. */
const renewedBy = 14 * day;

/** The certificate and key of the fleet file: that they go together, are valid now and for a while, and name the host. */
export async function checkCertificate({ tls, hostname }: Fleet, now: number): Promise<Finding> {
  const { certificateFile, keyFile } = tls;
  if (certificateFile === undefined || keyFile === undefined)
    return warning(
      check,
      "the fleet file names none, so a self-signed one is used",
      "good for trying out; set tls.certificateFile and tls.keyFile for clients that verify",
    );
  try {
    return judge(await loadCertificate({ certificateFile, keyFile }, now), certificateFile, hostname, now);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return bad(check, error.message, "name another pair in tls.certificateFile and tls.keyFile, or renew this one");
  }
}

function judge({ cert, notAfter }: Certificate, file: string, hostname: string, now: number): Finding {
  const leaf = new X509Certificate(cert);
  if (leaf.checkHost(hostname) === undefined)
    return bad(
      check,
      `${file} is for ${leaf.subjectAltName ?? leaf.subject}, not for ${hostname}`,
      `get one for ${hostname}, or set hostname to a name that it has`,
    );
  const end = new Date(notAfter).toISOString().slice(0, 10);
  if (notAfter - now < renewedBy)
    return warning(check, `${file} ends on ${end}`, "see why it was not renewed; a new file is used without a restart");
  return good(check, `${file} is for ${hostname}, until ${end}`);
}
