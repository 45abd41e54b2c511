/** What a Received field tells of the submission. */
export interface Trace {
  /** Host name of this relay. */
  readonly hostname: string;
  readonly queueId: string;
  readonly now: number;
  /** The client asked for SMTPUTF8. */
  readonly smtpUtf8: boolean;
}

/** A date-time of RFC 5322 §3.3, in UTC. */
export function mailDate(now: number): string {
  return new Date(now).toUTCString().replace("GMT", "+0000");
}

/**
 * The trace field of this hop (RFC 5321 §4.4), with its CRLF. It has no `from` clause: the client is an application
 * inside somebody's cluster, its address and EHLO name say how that network looks and nothing that a recipient could
 * check, so submission services leave them out. The queue id finds both in our own log. The protocol is always with TLS
 * and AUTH (RFC 3848, RFC 6531 §4.3).
 */
export function receivedField({ hostname, queueId, now, smtpUtf8 }: Trace): string {
  const protocol = smtpUtf8 ? "UTF8SMTPSA" : "ESMTPSA";
  return `Received: by ${hostname}\r\n\twith ${protocol} id ${queueId};\r\n\t${mailDate(now)}\r\n`;
}
