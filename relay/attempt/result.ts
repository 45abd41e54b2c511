/**
 * Why a recipient was not served, as a word for programs. Bounded: it is a metric's label. Only address-level words
 * (`UnknownRecipient`, `MailboxDisabled`) say something of the address itself.
 */
export type FailureClass =
  // The address.
  | "UnknownRecipient"
  | "MailboxDisabled"
  | "MailboxFull"
  | "BadAddress"
  | "UnknownDomain"
  | "NoMailAccepted"
  // The way there.
  | "DNSFailed"
  | "NoRoute"
  | "AddressRefused"
  | "Unreachable"
  | "TimedOut"
  | "ConnectionLost"
  | "LostAfterData"
  | "ProtocolError"
  | "TLSMissing"
  | "TLSFailed"
  | "ServiceUnavailable"
  | "AuthenticationFailed"
  // What the receiver thinks of the message, the sender or the traffic.
  | "SenderRejected"
  | "MessageTooLarge"
  | "ContentRejected"
  | "NeedsEightBit"
  | "NeedsSMTPUTF8"
  | "PolicyRejected"
  | "Unauthenticated"
  | "Blocked"
  | "RateLimited"
  | "Greylisted"
  | "TooManyRecipients"
  | "SystemTrouble"
  | "Unclassified"
  // Ourselves.
  | "HopBusy"
  | "NoVisibleKey"
  | "CredentialsMissing"
  | "TenantUnknown"
  | "Expired"
  | "LeaseLost"
  | "InternalError";

/** A failure: `Temporary` is tried again, `Permanent` is not. Whatever cannot be told is temporary. */
export interface Failure {
  readonly kind: "Temporary" | "Permanent";
  readonly class: FailureClass;
  /** Enhanced status code (RFC 3463): the hop's own where it gave a consistent one, else ours. */
  readonly enhanced: string;
  /** What the hop said, or what went wrong: one redacted line. */
  readonly text: string;
}

/** The hop took responsibility. */
export interface Success {
  readonly kind: "Success";
  readonly class: "Delivered";
  readonly enhanced: string;
  readonly text: string;
}

/** What an attempt says of one recipient. */
export type Result = Success | Failure;

/** How the connection to a hop was secured. */
export interface SessionTls {
  /** Such as TLSv1.3. */
  readonly protocol: string;
  readonly cipher: string;
  /** The certificate was checked and matched the name. */
  readonly verified: boolean;
}

/** The result of one recipient, with the hop that it came from; without one when none was tried. */
export interface RecipientResult {
  /** As the spool has it. */
  readonly recipient: string;
  readonly result: Result;
  readonly hop?: { readonly host: string; readonly address: string; readonly port: number };
  readonly tls?: SessionTls;
}
